/** The tools of the conformance suite that ask the client something. Runs under plain node. */

/**
 * @typedef {import('./tools.mjs').Call} Call
 * @typedef {import('./rounds.mjs').Dialogue} Dialogue
 * @typedef {{ dialogue: Dialogue, finish: (answers: Record<string, any>) => string }} Asking
 */

/**
 * @param {string} message
 * @param {object} properties
 * @param {string[]} [required]
 */
export function elicit(message, properties, required = Object.keys(properties)) {
	const params = { message, requestedSchema: { type: 'object', properties, required } };
	return { method: 'elicitation/create', params };
}

/**
 * @param {string} text
 * @param {number} [maxTokens]
 */
function sample(text, maxTokens = 100) {
	const messages = [{ role: 'user', content: { type: 'text', text } }];
	return { method: 'sampling/createMessage', params: { messages, maxTokens } };
}

const ROOTS = { method: 'roots/list', params: {} };
export const ASK_NAME = elicit('What is your name?', { name: { type: 'string' } });
const ASK_CONFIRMATION = elicit('Please confirm', { ok: { type: 'boolean' } });

const DEFAULTS = {
	name: { type: 'string', default: 'John Doe' },
	age: { type: 'integer', default: 30 },
	score: { type: 'number', default: 95.5 },
	status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
	verified: { type: 'boolean', default: true },
};

/** @param {string} noun */
const titled = (noun) =>
	['First', 'Second', 'Third'].map((word, index) => ({ const: `value${index + 1}`, title: `${word} ${noun}` }));
const OPTIONS = ['option1', 'option2', 'option3'];
const ENUMS = {
	untitledSingle: { type: 'string', enum: OPTIONS },
	titledSingle: { type: 'string', oneOf: titled('Option') },
	legacyEnum: {
		type: 'string',
		enum: ['opt1', 'opt2', 'opt3'],
		enumNames: ['Option One', 'Option Two', 'Option Three'],
	},
	untitledMulti: { type: 'array', items: { type: 'string', enum: OPTIONS } },
	titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
};

/** @param {any} answer */
const said = (answer) => `action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`;

/** @param {any} answer */
const spoken = ({ content }) => content?.text ?? JSON.stringify(content);

/** @param {any} answer */
const greeting = ({ action, content }) => (action === 'accept' ? `Hello, ${content?.name}!` : `No name: ${action}`);

/**
 * One question, one answer.
 *
 * @param {string} key
 * @param {{ method: string, params: object }} question
 * @param {(answer: any) => string} finish
 * @param {Omit<Dialogue, 'rounds'>} [more]
 * @returns {Asking}
 */
function once(key, question, finish, more = {}) {
	return { dialogue: { rounds: [{ [key]: question }], ...more }, finish: (answers) => finish(answers[key]) };
}

/** @type {Asking} */
const MULTIPLE = {
	dialogue: {
		rounds: [{ user_name: ASK_NAME, greeting: sample('Generate a greeting', 50), client_roots: ROOTS }],
		stateful: true,
	},
	finish: ({ user_name, greeting: text, client_roots }) =>
		`${greeting(user_name)} ${spoken(text)} ${JSON.stringify(client_roots.roots)}`,
};

/** @type {Asking} */
const MULTI_ROUND = {
	dialogue: {
		rounds: [
			{ step1: elicit('Step 1: What is your name?', { name: { type: 'string' } }) },
			{ step2: elicit('Step 2: What is your favorite color?', { color: { type: 'string' } }) },
		],
		stateful: true,
	},
	finish: ({ step1, step2 }) => `${step1.content?.name} likes ${step2.content?.color}`,
};

/** @type {Asking} */
const DECLARED_ONLY = {
	dialogue: { rounds: [{ user_name: ASK_NAME, question: sample('Which city is it?') }], onlyDeclared: true },
	finish: (answers) => `Answered: ${Object.keys(answers).sort().join(', ') || 'nothing'}`,
};

const USERNAME = { type: 'string', description: "User's response" };
const EMAIL = { type: 'string', description: "User's email address" };
const PREFIX = 'test_input_required_result_';

/** @type {Record<string, (call: Call) => Asking>} */
export const ASKING = {
	test_sampling: ({ args }) => once('sampling', sample(args.prompt), (answer) => `LLM response: ${spoken(answer)}`),
	test_elicitation: ({ args }) =>
		once(
			'elicitation',
			elicit(args.message, { username: USERNAME, email: EMAIL }),
			({ action, content }) => `User response: action: ${action}, content: ${JSON.stringify(content ?? {})}`,
		),
	test_elicitation_sep1034_defaults: () =>
		once('defaults', elicit('Please review', DEFAULTS, []), (answer) => `Elicitation completed: ${said(answer)}`),
	test_elicitation_sep1330_enums: () =>
		once('enums', elicit('Please choose', ENUMS, []), (answer) => `Elicitation completed: ${said(answer)}`),
	test_missing_capability: () =>
		once('sampling', sample('Are you there?'), () => 'Sampling is available', { careless: true }),
	test_streaming_elicitation: () => once('user_name', ASK_NAME, greeting, { streams: true }),
	[`${PREFIX}elicitation`]: () => once('user_name', ASK_NAME, greeting),
	[`${PREFIX}sampling`]: () => once('capital_question', sample('What is the capital of France?'), spoken),
	[`${PREFIX}list_roots`]: () => once('client_roots', ROOTS, ({ roots }) => `Roots: ${JSON.stringify(roots)}`),
	[`${PREFIX}request_state`]: () =>
		once('confirm', ASK_CONFIRMATION, (answer) => `state-ok: ${said(answer)}`, { stateful: true }),
	[`${PREFIX}multiple_inputs`]: () => MULTIPLE,
	[`${PREFIX}multi_round`]: () => MULTI_ROUND,
	[`${PREFIX}tampered_state`]: () => once('confirm', ASK_CONFIRMATION, said, { stateful: true }),
	[`${PREFIX}capabilities`]: () => DECLARED_ONLY,
};

/** The prompt of the suite that asks, as a dialogue. */
export const ASKING_PROMPT = once(
	'user_context',
	elicit('What context should the prompt use?', { context: { type: 'string' } }),
	({ content }) => `The context is: ${content?.context}`,
);
