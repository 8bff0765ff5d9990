import { IDENTITY_NAMES } from '../../fakes/identity-headers.ts';
import { elementsIn, readXml, type XmlElement } from './read-xml.ts';

const SECTIONS = ['inbound', 'backend', 'outbound', 'on-error'];

/** Policies that read a response body or keep it, either of which ends streaming. */
const BUFFERING =
	/^(?:validate-(?:content|headers|status-code)|cache-.*|find-and-replace|set-body|log-to-eventhub|mock-response|retry|.*-to-(?:xml|json)|xsl-transform)$/;

/** The longest that API Management waits for headers, seconds; its load balancer cuts what is silent for longer. */
const LONGEST_WAIT = 240;

/** What is wrong with a policy of Azure API Management in front of the gateway. */
export function apimFaults(document: string): readonly string[] {
	let policies: XmlElement;
	try {
		policies = readXml(document);
	} catch (error) {
		return [`is not well-formed: ${(error as Error).message}`];
	}
	const names = policies.children.map(({ name }) => name);
	if (names.join() !== SECTIONS.join()) return [`has the sections ${names}`];
	const [inbound, backend, outbound, onError] = policies.children as [XmlElement, XmlElement, XmlElement, XmlElement];
	return [
		...[inbound, outbound, onError]
			.filter(({ children }) => children[0]?.name !== 'base')
			.map(({ name }) => `${name} forgets base`),
		...stripFaults(inbound),
		...setFaults(inbound),
		...passFaults(inbound),
		...forwardFaults(backend),
		...challengeFaults(onError),
		...[...elementsIn(policies)].flatMap(elementFaults),
	];
}

const nameOf = ({ attributes }: XmlElement): string => (attributes['name'] ?? '').toLowerCase();
const isSetHeader = (element: XmlElement, action: string): boolean =>
	element.name === 'set-header' && element.attributes['exists-action'] === action;

function stripFaults({ children }: XmlElement): readonly string[] {
	const first = children.findIndex((each) => each.name !== 'base' && !isSetHeader(each, 'delete'));
	const stripped = new Set(children.slice(0, first).map(nameOf));
	return [...IDENTITY_NAMES, 'cookie']
		.filter((name) => !stripped.has(name))
		.map((name) => `does not begin by deleting ${name}`);
}

// What tells the gateway who called must come from a token that was verified before, on the same way through.
function setFaults({ children }: XmlElement, isVerified = false): readonly string[] {
	let verified = isVerified;
	return children.flatMap((each) => {
		verified ||= each.name === 'validate-azure-ad-token';
		const isForeign = isSetHeader(each, 'override') && IDENTITY_NAMES.includes(nameOf(each));
		const own = isForeign && !verified ? [`sets ${nameOf(each)} before a token is verified`] : [];
		return [...own, ...setFaults(each, verified)];
	});
}

// Discovery, API keys and tokens of other directories are for the gateway to judge: none of them may meet a verifier here.
function passFaults(inbound: XmlElement): readonly string[] {
	const verifiers = inbound.children.filter(({ name }) => /^(?:validate|authentication|check|ip-filter)/.test(name));
	const chooses = inbound.children.filter(({ name }) => name === 'choose').flatMap(({ children }) => children);
	const conditions = chooses.map(({ attributes }) => attributes['condition'] ?? '');
	const isChosen = inbound.children.some(
		({ name, attributes: { value = '' } }) =>
			name === 'set-variable' && value.includes('"/.well-known/"') && value.includes('jwt.Issuer =='),
	);
	const isConditional = conditions.length > 0 && conditions.every((each) => each.includes('isJudgedHere'));
	return [
		...verifiers.map(({ name }) => `${name} meets callers whom only the gateway knows`),
		...(isChosen && isConditional ? [] : ['judges callers whom only the gateway knows']),
	];
}

function forwardFaults({ children }: XmlElement): readonly string[] {
	const [forward, ...more] = children;
	if (forward?.name !== 'forward-request' || more.length > 0) return ['backend is not one forward-request'];
	const wanted = { 'buffer-response': 'false', 'buffer-request-body': 'false', 'follow-redirects': 'false' };
	const timeout = Number(forward.attributes['timeout']);
	return [
		...Object.entries(wanted)
			.filter(([name, value]) => forward.attributes[name] !== value)
			.map(([name, value]) => `forward-request is not ${name}=${value}`),
		...(timeout > 0 && timeout <= LONGEST_WAIT ? [] : [`forward-request waits for ${timeout} seconds`]),
	];
}

function challengeFaults(onError: XmlElement): readonly string[] {
	const set = [...elementsIn(onError)].find(
		(each) => isSetHeader(each, 'override') && nameOf(each) === 'www-authenticate',
	);
	const value = set?.children[0]?.text ?? '';
	const path = '/.well-known/oauth-protected-resource" +';
	return value.includes('resource_metadata=') && value.includes(path)
		? []
		: ['its own 401 does not say where to sign in'];
}

function elementFaults({ name, attributes, text }: XmlElement): readonly string[] {
	const texts = [...Object.values(attributes), text];
	return [
		...(BUFFERING.test(name) ? [`${name} holds streams back`] : []),
		...(texts.some((each) => each.includes('Response.Body')) ? [`${name} reads the response body`] : []),
		...texts
			.filter((each) => /^\s*@[({]/.test(each) && !isBalanced(each))
			.map(() => `an expression of ${name} has no end`),
	];
}

/** Whether each bracket of an expression is closed; those in quotes do not count. */
function isBalanced(expression: string): boolean {
	const brackets = expression.replace(/"(?:\\.|[^"\\])*"/g, '').replace(/[^(){}[\]"]/g, '');
	let rest = brackets;
	for (let before = ''; before !== rest; ) {
		before = rest;
		rest = rest.replace(/\(\)|\[\]|\{\}/g, '');
	}
	return rest === '';
}
