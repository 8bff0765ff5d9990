/** The behaviour every build of the fixture shares: what each MCP method answers. Runs under plain node. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { getConformancePrompt, readConformanceResource } from './conformance-content.mjs';
import { PIXEL } from './conformance-tools.mjs';
import { promptDefinitions, resourceDefinitions, templateDefinitions, toolDefinitions } from './definitions.mjs';
import { errorPayload, RawResult, RpcError, resultPayload } from './rpc.mjs';
import { createTaskStore, TASKS_EXTENSION } from './tasks.mjs';
import { runTool } from './tools.mjs';

export { LONG_TOOL_NAME, ODD_TOOL_NAME } from './definitions.mjs';
export { appliesTo, distort } from './hostile.mjs';
export { answerText, errorPayload, RpcError } from './rpc.mjs';
export { checkListen, createListenRegistry } from './subscriptions.mjs';

/** The revisions of the legacy era, newest first. */
export const LEGACY_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];

export const MODERN_VERSION = '2026-07-28';

const CACHEABLE = new Set([
	'server/discover',
	'tools/list',
	'prompts/list',
	'resources/list',
	'resources/templates/list',
	'resources/read',
]);

/**
 * @typedef {import('./behaviour.mjs').Exchange} Exchange
 * @typedef {import('./behaviour.mjs').FixtureOptions} FixtureOptions
 * @typedef {{ options: FixtureOptions, canary: string, state: any, request: any, params: any, exchange: Exchange }} Context
 */

/** @param {FixtureOptions} options */
const serverInfo = ({ name = 'fixture' }) => ({ name, version: '1.0.0', title: 'Fixture server' });

/** @param {Context} context */
const capabilities = ({ options, exchange }) => ({
	tools: { listChanged: true },
	resources: { listChanged: true, subscribe: true },
	prompts: { listChanged: true },
	completions: {},
	logging: {},
	extensions: {
		'example.vendor/feature': { level: 3 },
		...(options.conformance && exchange.era === 'modern' ? { [TASKS_EXTENSION]: {} } : {}),
	},
});

/** @param {Context} context */
const instructions = ({ canary }) => `Use echo to be answered. [${canary}]`;

/**
 * One page of a list; the cursor is the offset.
 *
 * @param {Context} context
 * @param {string} key
 * @param {object[]} items
 */
function page({ options, params, canary }, key, items) {
	const start = params.cursor === undefined ? 0 : Number(Buffer.from(String(params.cursor), 'base64url').toString());
	if (!Number.isInteger(start) || start < 0 || start > items.length)
		throw new RpcError(-32602, `${canary}: bad cursor`);
	const end = start + (options.pageSize ?? items.length);
	const more = end < items.length ? { nextCursor: Buffer.from(String(end)).toString('base64url') } : {};
	return { [key]: items.slice(start, end), ...more };
}

/**
 * @param {FixtureOptions} options
 * @param {any} state
 */
function factsOf({ canary = 'fixture', conformance = false, padListBytes: padBytes = 0 }, state) {
	const { extra, dynamicTool, dynamicPrompt } = state;
	return { canary, conformance, padBytes, extra, dynamicTool, dynamicPrompt };
}

/** @param {Context} context */
const facts = ({ options, state }) => factsOf(options, state);

/** @param {Context} context */
const tools = (context) => toolDefinitions(context.exchange.era, facts(context));

/** @param {Context} context */
async function callTool(context) {
	const { options, params, canary, exchange, request, state } = context;
	const known = tools(context).some((each) => each.name === params.name);
	if (!known) throw new RpcError(-32602, `${canary}: unknown tool ${params.name}`);
	if (options.jitterMs) await sleep(Math.random() * options.jitterMs);
	const meta = params._meta ?? {};
	return runTool(params.name, { request, args: params.arguments ?? {}, meta, exchange, canary, state });
}

/** @param {Context} context */
function readResource({ params, canary, exchange, options }) {
	const { uri } = params;
	const ofSuite = options.conformance ? readConformanceResource(uri) : undefined;
	if (ofSuite) return ofSuite;
	if (uri === 'test://static-text')
		return { contents: [{ uri, mimeType: 'text/plain', text: `${canary}: static text` }] };
	if (uri === 'test://static-binary') return { contents: [{ uri, mimeType: 'image/png', blob: PIXEL }] };
	const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
	if (id) return { contents: [{ uri, mimeType: 'application/json', text: JSON.stringify({ id, canary }) }] };
	throw new RpcError(exchange.era === 'modern' ? -32602 : -32002, `${canary}: resource not found`, { data: { uri } });
}

/** @param {Context} context */
async function getPrompt(context) {
	const { params, canary, options } = context;
	const ofSuite = options.conformance ? await getConformancePrompt(context) : undefined;
	if (ofSuite) return ofSuite;
	const given = params.arguments ?? {};
	const message = (/** @type {string} */ text) => ({ messages: [{ role: 'user', content: { type: 'text', text } }] });
	if (params.name === 'test_simple_prompt') return message(`${canary}: a simple prompt`);
	if (params.name !== 'test_prompt_with_arguments')
		throw new RpcError(-32602, `${canary}: unknown prompt ${params.name}`);
	return message(`${canary}: arg1='${given.arg1}', arg2='${given.arg2}'`);
}

/** @param {Context} context */
function complete({ params, canary }) {
	const start = String(params.argument?.value ?? '');
	const values = ['paris', 'park', 'party', canary].filter((each) => each.startsWith(start));
	return { completion: { values, total: values.length, hasMore: false } };
}

/** @param {Context} context */
function initialize(context) {
	const { options, params, exchange } = context;
	const versions = options.versions ?? LEGACY_VERSIONS;
	const protocolVersion = versions.includes(params.protocolVersion) ? params.protocolVersion : versions[0];
	Object.assign(exchange.session, { version: protocolVersion, clientCapabilities: params.capabilities ?? {} });
	return {
		protocolVersion,
		capabilities: capabilities(context),
		serverInfo: serverInfo(options),
		instructions: instructions(context),
	};
}

/** @param {Context} context */
function taskStore({ options, state, canary }) {
	if (!options.conformance) throw new RpcError(-32601, `${canary}: method not found`, { status: 404 });
	return state.tasks;
}

/** @type {Record<string, (context: Context) => unknown>} */
const SHARED_METHODS = {
	'tools/list': (context) => page(context, 'tools', tools(context)),
	'tools/call': callTool,
	'resources/list': (context) => page(context, 'resources', resourceDefinitions(facts(context))),
	'resources/templates/list': (context) => page(context, 'resourceTemplates', templateDefinitions(facts(context))),
	'resources/read': readResource,
	'prompts/list': (context) => page(context, 'prompts', promptDefinitions(facts(context))),
	'prompts/get': getPrompt,
	'completion/complete': complete,
	'vendor/echo': ({ params, canary }) => ({ params, canary }),
};

/** @type {Record<'modern' | 'legacy', Record<string, (context: Context) => unknown>>} */
const METHODS = {
	modern: {
		...SHARED_METHODS,
		'server/discover': (context) => ({
			supportedVersions: [MODERN_VERSION],
			capabilities: capabilities(context),
			instructions: instructions(context),
		}),
		'tasks/get': (context) => taskStore(context).get(context),
		'tasks/update': (context) => taskStore(context).update(context),
		'tasks/cancel': (context) => taskStore(context).cancel(context),
	},
	legacy: {
		...SHARED_METHODS,
		initialize,
		ping: () => ({}),
		'logging/setLevel'({ params, exchange }) {
			exchange.session.logLevel = params.level;
			return {};
		},
		'resources/subscribe'({ params, exchange }) {
			exchange.session.subscribed.add(params.uri);
			return {};
		},
		'resources/unsubscribe'({ params, exchange }) {
			exchange.session.subscribed.delete(params.uri);
			return {};
		},
	},
};

/**
 * Adds what the modern revision requires on every result.
 *
 * @param {Context} context
 * @param {any} result
 */
function dress({ request, exchange, options }, result) {
	if (exchange.era === 'legacy' || result instanceof RawResult) return result;
	const cache = CACHEABLE.has(request.method) ? { ttlMs: options.ttlMs ?? 0, cacheScope: 'private' } : {};
	const _meta = { ...result._meta, 'io.modelcontextprotocol/serverInfo': serverInfo(options) };
	return { resultType: 'complete', ...cache, ...result, _meta };
}

/** What the server keeps per legacy session (or per stdio process). */
export function createSessionState() {
	return { version: undefined, clientCapabilities: {}, logLevel: undefined, subscribed: new Set() };
}

/**
 * One server: its memory, its toggled tool, what was cancelled. The options are read at each request, so a test may
 * change them in flight.
 *
 * @param {FixtureOptions} options
 * @param {{ broadcast: (method: string, params: object) => void, onCancelled?: (call: object) => void }} wiring
 */
export function createBehaviour(options, { broadcast, onCancelled }) {
	/** @type {object[]} */
	const cancelled = [];
	const state = {
		memory: new Map(),
		extra: false,
		dynamicTool: false,
		dynamicPrompt: false,
		tasks: createTaskStore(broadcast),
		key: randomBytes(32),
		cancelled,
		broadcast,
		onCancelled(/** @type {object} */ call) {
			cancelled.push(call);
			onCancelled?.(call);
		},
	};

	/**
	 * @param {any} request
	 * @param {Exchange} exchange
	 */
	async function handle(request, exchange) {
		const canary = options.canary ?? 'fixture';
		const context = { options, canary, state, request, params: request.params ?? {}, exchange };
		try {
			const methods = METHODS[exchange.era];
			const method = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined;
			if (!method) throw new RpcError(-32601, `${canary}: method not found`, { status: 404 });
			const result = await method(context);
			if (result === undefined) return undefined;
			return { id: request.id, payload: resultPayload(dress(context, result)), status: 200 };
		} catch (error) {
			if (exchange.signal.aborted) {
				state.onCancelled({ id: request.id, tool: context.params.name, step: 0 });
				return undefined;
			}
			const known = error instanceof RpcError ? error : new RpcError(-32603, `${canary}: ${error}`);
			return { id: request.id, payload: errorPayload(known), status: known.status };
		}
	}

	/** @param {'modern' | 'legacy'} era */
	const listTools = (era) => toolDefinitions(era, { ...factsOf(options, state), padBytes: 0 });

	return { handle, cancelled, listTools };
}
