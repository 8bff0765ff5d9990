import { isBrowserSignIn, needsOf } from '../catalogue/endpoint-needs.ts';
import type { Endpoint } from '../catalogue/endpoint-schema.ts';
import type { CatalogueEntry } from '../catalogue/entry-schema.ts';
import type { SecretField, SignIn, Variable } from '../catalogue/field-schema.ts';
import { placeOf } from '../catalogue/find-entry.ts';
import { bestFirst, pickEndpoint } from '../catalogue/pick-endpoint.ts';
import { printable } from './output.ts';

/** What was asked for, when it was not simply the service. */
export interface Asked {
	readonly note?: string;
	/** Key of the endpoint that was meant. */
	readonly endpoint?: string;
}

/** A service as a page for a terminal: what it is, ways to reach it, what they need and where to get that, what goes wrong. */
export function cataloguePage(entry: CatalogueEntry, asked: Asked = {}): string {
	const pick = pickEndpoint(entry);
	const recommended = 'endpoint' in pick ? pick.endpoint : undefined;
	const ordered = [...new Set([...(recommended === undefined ? [] : [recommended]), ...bestFirst(entry.endpoints)])];
	const live = ordered.filter(({ deprecated }) => deprecated === undefined);
	const old = ordered.filter(({ deprecated }) => deprecated !== undefined);
	const page: Page = { entry, told: new Set() };
	const blocks = [
		...(asked.note === undefined ? [] : [wrapped(asked.note, '')]),
		heading(entry),
		...live.map((endpoint, index) => endpointBlock(page, endpoint, index + 1)),
		...(old.length > 0 ? [oldBlock(old)] : []),
		wrapped(checkedText(entry), ''),
	];
	return printable(blocks.join('\n\n'));
}

function heading({ name, id, vendor, official, category, description, docs, aliases = [] }: CatalogueEntry): string {
	const maker = official ? `by ${vendor}` : `community server`;
	const others = aliases.filter(({ note }) => note === undefined).map((alias) => alias.name);
	return [
		`${name} (${id}) · ${category} · ${maker}`,
		wrapped(description, ''),
		...(docs === undefined ? [] : [docs]),
		...(others.length > 0 ? [`Also found as: ${others.join(', ')}`] : []),
	].join('\n');
}

/** A page while it is written. */
interface Page {
	readonly entry: CatalogueEntry;
	/** Where keys come from, as far as it has been said: nobody reads it three times. */
	readonly told: Set<string>;
}

function endpointBlock({ entry, told }: Page, endpoint: Endpoint, position: number): string {
	const mark = position === 1 ? ', recommended' : '';
	const by = entry.official && endpoint.official === false ? ', by the community' : '';
	return [
		`${position}. ${endpoint.key}${mark}${by}: ${kindOf(endpoint)}`,
		`   ${placeOf(endpoint)}`,
		...(endpoint.note === undefined ? [] : [wrapped(endpoint.note, '   ')]),
		...(endpoint.ownClient === undefined ? [] : [wrapped(`Bring your own client: ${endpoint.ownClient.text}`, '   ')]),
		...signInLines(endpoint, told),
		...(endpoint.variables ?? []).map(variableLine),
		...nodeLines(endpoint),
		...(endpoint.problems ?? []).map(({ text }) => wrapped(`! ${text}`, '   ')),
		`   $ ${addCommand(entry, endpoint, position === 1)}`,
	].join('\n');
}

const RUNTIMES = {
	npm: 'program of npm, run by the gateway',
	uvx: 'program of Python, run by the gateway with uv',
	container: 'container, run by the gateway',
	binary: 'program, run by the gateway where it is installed',
} as const;

function kindOf(endpoint: Endpoint): string {
	if (endpoint.transport === 'stdio') return RUNTIMES[endpoint.runtime];
	return endpoint.transport === 'http' ? 'hosted, Streamable HTTP' : 'hosted, HTTP+SSE';
}

function signInLines(endpoint: Endpoint, told: Page['told']): readonly string[] {
	return endpoint.signIn.flatMap((signIn, index) => [
		wrapped(`${index === 0 ? 'Sign-in' : 'or'}: ${signInText(endpoint, signIn)}`, '   '),
		...(signIn.secrets ?? []).flatMap((secret) => secretLines(secret, told)),
	]);
}

const SIGN_INS: Readonly<Record<SignIn['kind'], string>> = {
	none: 'none is needed.',
	'api-key': 'an API key.',
	'user-token': 'a token of one person.',
	'service-account': 'a service account.',
	'oauth2-dcr': 'each person in the browser; the gateway registers itself, nothing has to be prepared.',
	'oauth2-preregistered': 'each person in the browser, with a client that you create first.',
	oauth2:
		'each person in the browser; the gateway tries to register itself, and otherwise needs a client that you create.',
};

function signInText(endpoint: Endpoint, signIn: SignIn): string {
	const { oauth } = needsOf(endpoint, signIn);
	const client = oauth.kind === 'client' ? ` ${oauth.where}${oauth.link === undefined ? '' : ` ${oauth.link}`}` : '';
	return [SIGN_INS[signIn.kind] + client, ...(signIn.note === undefined ? [] : [signIn.note])].join(' ');
}

function secretLines(
	{ name, description, where = '', link = '', required }: SecretField,
	told: Page['told'],
): readonly string[] {
	const source = where + link;
	const isKnown = source !== '' && told.has(source);
	told.add(source);
	return [
		wrapped(
			`- ${name}${required ? '' : ' (optional)'}: ${description}${isKnown ? ', from the same place as above' : ''}`,
			'   ',
		),
		...(where === '' || isKnown ? [] : [wrapped(where, '     ')]),
		...(link === '' || isKnown ? [] : [`     ${link}`]),
	];
}

function variableLine(variable: Variable): string {
	const { name, description, where, choices, example, required } = variable;
	const given = variable.default;
	const kind = given !== undefined ? ` (${given})` : required ? '' : ' (optional)';
	const hint =
		choices !== undefined ? `; one of ${choices.join(', ')}` : example !== undefined ? `; such as ${example}` : '';
	return wrapped(`--set ${name}=…${kind}: ${description}${hint}.${where === undefined ? '' : ` ${where}`}`, '   ');
}

function nodeLines(endpoint: Endpoint): readonly string[] {
	if (endpoint.transport !== 'stdio') return [];
	const { minNode, installScripts } = endpoint;
	return [
		...(minNode === undefined ? [] : [`   Needs Node ${minNode} or newer.`]),
		...(installScripts === undefined ? [] : [wrapped(`Install scripts run: ${installScripts}`, '   ')]),
	];
}

/** The command that adds it, with everything that must be said. */
export function addCommand({ id }: CatalogueEntry, endpoint: Endpoint, isRecommended: boolean): string {
	const sets = (endpoint.variables ?? [])
		.filter((variable) => variable.required && variable.default === undefined)
		.map(
			({ name, example, choices, kind }) => ` --set ${name}=${quoted(example ?? choices?.[0] ?? PLACES[kind] ?? '…')}`,
		);
	const choice = isRecommended ? '' : ` --endpoint ${endpoint.key}`;
	return `portcullis server add WORKSPACE ${id}${choice}${sets.join('')}`;
}

/** How a path looks, where there is no example. */
const PLACES: Readonly<Partial<Record<Variable['kind'], string>>> = {
	folder: '/path/to/folder',
	file: '/path/to/file',
};

const quoted = (text: string): string => (/^[\w./:@…-]+$/.test(text) ? text : `'${text}'`);

function oldBlock(endpoints: readonly Endpoint[]): string {
	const lines = endpoints.map(
		(endpoint) => `   ${endpoint.key}: ${placeOf(endpoint)}\n${wrapped(endpoint.deprecated?.why ?? '', '     ')}`,
	);
	return ['Not to be used any more:', ...lines].join('\n');
}

const SURE = {
	high: 'The facts are well founded',
	medium: 'Some of the facts are not confirmed',
	low: 'The facts are not confirmed',
} as const;

function checkedText({ confidence, checked, endpoints }: CatalogueEntry): string {
	const tried = endpoints.find((each) => each.transport === 'stdio' && each.run !== undefined);
	const run = tried?.transport === 'stdio' ? tried.run : undefined;
	const how =
		tried === undefined || run === undefined
			? `${checked.how === 'run' ? 'a package was tried' : 'checked in documents'} on ${checked.at}`
			: `${placeOf(tried)} was started on ${run.at} and listed ${run.tools} ${run.tools === 1 ? 'tool' : 'tools'}`;
	const browser = endpoints.some(({ signIn }) => signIn.some(isBrowserSignIn));
	const note = checked.note === undefined ? '' : ` ${checked.note}`;
	return `${SURE[confidence]}: ${how}.${note}${browser ? ' Browser sign-ins were not tried.' : ''}`;
}

const WIDTH = 100;

/** Text broken at spaces, each line behind an indent. */
function wrapped(text: string, indent: string): string {
	const lines: string[] = [];
	let line = '';
	for (const word of text.split(' ')) {
		if (line !== '' && indent.length + line.length + 1 + word.length > WIDTH) {
			lines.push(line);
			line = '';
		}
		line = line === '' ? word : `${line} ${word}`;
	}
	return [...lines, line].map((each) => indent + each).join('\n');
}
