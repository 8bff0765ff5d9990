/**
 * Calls that ask the client something, in one or more rounds. One dialogue serves both eras: a legacy build asks with
 * requests of its own, a modern one answers `input_required` and is called again. Runs under plain node.
 */
import { mintState, readState, refuseState } from './request-state.mjs';
import { RpcError } from './rpc.mjs';

/**
 * @typedef {import('./behaviour.mjs').Exchange} Exchange
 * @typedef {Record<string, { method: string, params: object }>} Questions
 * Stateful: the rounds share a request state. Only declared: what the client cannot answer is not asked. Careless: a
 * legacy build asks even what the client has not declared. Streams: on an event stream, whatever the answer.
 *
 * @typedef {{ rounds: Questions[], stateful?: boolean, onlyDeclared?: boolean, careless?: boolean,
 *   streams?: boolean }} Dialogue
 * @typedef {{ request: any, exchange: Exchange, state: { key: Buffer } }} Asking
 * @typedef {{ answers: Record<string, any> } | { result: object }} Outcome
 */

/** @type {Record<string, string>} */
const CAPABILITY = {
	'elicitation/create': 'elicitation',
	'sampling/createMessage': 'sampling',
	'roots/list': 'roots',
};

/**
 * Tells whether an answer has the shape its question asks for.
 *
 * @type {Record<string, (answer: any) => boolean>}
 */
const ANSWERS = {
	'elicitation/create': ({ action }) => ['accept', 'decline', 'cancel'].includes(action),
	'sampling/createMessage': ({ role, content }) => typeof role === 'string' && typeof content === 'object',
	'roots/list': ({ roots }) => Array.isArray(roots),
};

/** @param {string} text */
const failure = (text) => ({ content: [{ type: 'text', text }], isError: true });

/**
 * What the client has declared with one modern request.
 *
 * @param {any} request
 * @returns {Record<string, any>}
 */
export const declaredWith = (request) => request.params?._meta?.['io.modelcontextprotocol/clientCapabilities'] ?? {};

/**
 * What the client has declared: once per session in the legacy era, with each request in the modern one.
 *
 * @param {Pick<Asking, 'request' | 'exchange'>} asking
 * @returns {Record<string, any>}
 */
export function declaredBy({ request, exchange }) {
	return exchange.era === 'legacy' ? exchange.session.clientCapabilities : declaredWith(request);
}

/**
 * The error of a call that cannot be served because its client has not declared something.
 *
 * @param {Record<string, object>} requiredCapabilities
 */
export function missingCapability(requiredCapabilities) {
	const names = Object.keys(requiredCapabilities).join(', ');
	return new RpcError(-32021, `Missing required client capability: ${names}`, {
		data: { requiredCapabilities },
		status: 400,
	});
}

/**
 * @param {Questions} questions
 * @param {Record<string, any>} declared
 */
function missingFor(questions, declared) {
	const needed = Object.values(questions).map(({ method }) => CAPABILITY[method] ?? method);
	return Object.fromEntries(needed.filter((name) => !declared[name]).map((name) => [name, {}]));
}

/**
 * @param {Dialogue} dialogue
 * @param {Record<string, any>} declared
 */
function roundsFor({ rounds, onlyDeclared }, declared) {
	if (!onlyDeclared) return rounds;
	const allowed = (/** @type {Questions} */ round) =>
		Object.entries(round).filter(([, { method }]) => declared[CAPABILITY[method] ?? method]);
	return rounds.map((round) => Object.fromEntries(allowed(round))).filter((round) => Object.keys(round).length > 0);
}

/**
 * @param {Asking} asking
 * @param {Dialogue} dialogue
 * @returns {Promise<Outcome>}
 */
async function askLegacy({ exchange }, { rounds, careless, streams }) {
	/** @type {Record<string, any>} */
	const answers = {};
	for (const round of rounds) {
		const [missing] = Object.keys(missingFor(round, exchange.session.clientCapabilities));
		if (missing && !careless) return { result: failure(`The client does not support ${missing}`) };
		if (streams) exchange.openStream();
		const asked = Object.entries(round).map(async ([key, { method, params }]) => {
			answers[key] = await exchange.ask(method, params, 'request');
		});
		await Promise.all(asked);
		const refused = Object.values(answers).find((answer) => answer?.error !== undefined);
		if (refused) return { result: failure(`The client answered an error: ${JSON.stringify(refused.error)}`) };
	}
	return { answers };
}

/**
 * @param {Questions} questions
 * @param {any} responses
 */
function checkResponses(questions, responses) {
	const isMap = typeof responses === 'object' && responses !== null && !Array.isArray(responses);
	if (!isMap) throw new RpcError(-32602, 'inputResponses must be an object');
	for (const [key, { method }] of Object.entries(questions)) {
		const answer = responses[key];
		if (answer === undefined) continue;
		const fits = typeof answer === 'object' && answer !== null && ANSWERS[method]?.(answer);
		if (!fits) throw new RpcError(-32602, `inputResponses.${key} does not answer ${method}`);
	}
}

/**
 * @param {Asking} asking
 * @param {Dialogue} dialogue
 */
function progressOf({ request, state }, { stateful }) {
	const { inputResponses, requestState } = request.params;
	if (requestState === undefined && inputResponses !== undefined && stateful) refuseState();
	if (requestState !== undefined && !stateful) refuseState();
	return requestState === undefined ? { round: 0, answers: {} } : readState(state.key, request);
}

/**
 * @param {Asking} asking
 * @param {Dialogue} dialogue
 * @returns {Outcome}
 */
function askModern(asking, dialogue) {
	const { request, state } = asking;
	const { rounds, stateful, streams } = dialogue;
	const { inputResponses } = request.params;
	let { round, answers } = progressOf(asking, dialogue);
	const questions = rounds[round] ?? {};
	if (inputResponses !== undefined) {
		checkResponses(questions, inputResponses);
		const given = Object.keys(questions).filter((key) => inputResponses[key] !== undefined);
		answers = { ...answers, ...Object.fromEntries(given.map((key) => [key, inputResponses[key]])) };
		if (given.length === Object.keys(questions).length) round++;
	}
	const inputRequests = rounds[round];
	if (inputRequests === undefined) return { answers };
	const missing = missingFor(inputRequests, declaredBy(asking));
	if (Object.keys(missing).length > 0) throw missingCapability(missing);
	if (streams) asking.exchange.openStream();
	const requestState = stateful ? { requestState: mintState(state.key, request, { round, answers }) } : {};
	return { result: { resultType: 'input_required', inputRequests, ...requestState } };
}

/**
 * Asks the questions of a dialogue: answers all of them, or the result to give instead (input is required, or the
 * client cannot be asked).
 *
 * @param {Asking} asking
 * @param {Dialogue} dialogue
 * @returns {Promise<Outcome>}
 */
export async function converse(asking, dialogue) {
	const fitting = { ...dialogue, rounds: roundsFor(dialogue, declaredBy(asking)) };
	return asking.exchange.era === 'legacy' ? askLegacy(asking, fitting) : askModern(asking, fitting);
}
