/** What each tool of the fixture does. Runs under plain node. */
import { setTimeout as sleep } from 'node:timers/promises';
import { runConformanceTool } from './conformance-tools.mjs';
import { LONG_TOOL_NAME, ODD_TOOL_NAME } from './definitions.mjs';
import { openSealed, seal } from './request-state.mjs';
import { RawResult, RpcError } from './rpc.mjs';

/**
 * @typedef {import('./behaviour.mjs').Exchange} Exchange
 * @typedef {{ request: any, args: any, meta: any, exchange: Exchange, canary: string, state: State }} Call
 * @typedef {{ memory: Map<string, string>, extra: boolean, dynamicTool: boolean, dynamicPrompt: boolean,
 *   cancelled: object[], key: Buffer, tasks: ReturnType<typeof import('./tasks.mjs').createTaskStore>,
 *   broadcast: (method: string, params: object) => void, onCancelled: (call: object) => void }} State
 */

/** @param {string} text */
const textResult = (text) => ({ content: [{ type: 'text', text }] });

/** @param {Call} call */
async function slow({ request, args, meta, exchange, canary, state }) {
	const steps = Math.max(1, args.steps ?? 1);
	for (let step = 1; step <= steps; step++) {
		const params = { progressToken: meta.progressToken, progress: step, total: steps, 'x-vendor': canary };
		// Before the wait: the SDK loses a progress that arrives together with the answer.
		if (meta.progressToken !== undefined) exchange.notify('notifications/progress', params);
		await sleep((args.ms ?? 0) / steps, undefined, { signal: exchange.signal }).catch(() => undefined);
		if (!exchange.signal.aborted) continue;
		state.onCancelled({ id: request.id, tool: 'slow', step });
		return;
	}
	return textResult(`${canary}: slow done`);
}

/** @param {Call} call */
function log({ args, meta, exchange, canary }) {
	const wanted = exchange.era === 'legacy' || meta['io.modelcontextprotocol/logLevel'] !== undefined;
	const params = { level: args.level ?? 'info', logger: canary, data: args.text };
	if (wanted) exchange.notify('notifications/message', params);
	return textResult(`${canary}: logged`);
}

/** @param {Call} call */
function exotic({ exchange, canary }) {
	const blocks = `[${JSON.stringify({ type: 'text', text: canary })},{"type":"hologram","depth":1.0,"data":"AA=="}]`;
	const odd = '"vendorTop":{"big":12345678901234567890,"one":1.0},"_meta":{"vendor.example/trace":"t-1"}';
	const modern = exchange.era === 'modern' ? ',"resultType":"complete"' : '';
	return new RawResult(`{"content":${blocks},${odd}${modern}}`);
}

/** @param {Call} call */
function toggleTool({ canary, state }) {
	state.extra = !state.extra;
	state.broadcast('notifications/tools/list_changed', {});
	return textResult(`${canary}: extra ${state.extra ? 'added' : 'removed'}`);
}

/** @param {Call} call */
async function elicit({ args, exchange, canary }) {
	const roots = args.rootsFirst ? await exchange.ask('roots/list', {}, 'session') : undefined;
	const requestedSchema = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] };
	const response = await exchange.ask('elicitation/create', { message: args.message, requestedSchema }, 'request');
	const structuredContent = { response, ...(roots ? { roots } : {}) };
	return { ...textResult(`${canary}: ${JSON.stringify(structuredContent)}`), structuredContent };
}

/** One MRTR round trip: first `input_required`, then the person's answer. @param {Call} call */
function ask({ request, args, meta, canary, state }) {
	const { inputResponses, requestState } = request.params;
	if (inputResponses !== undefined) {
		const asked = Buffer.from(openSealed(state.key, String(requestState ?? '')), 'base64url').toString();
		return textResult(`${canary}: ${asked} → ${JSON.stringify(inputResponses.answer)}`);
	}
	if (!meta['io.modelcontextprotocol/clientCapabilities']?.elicitation) {
		const data = { requiredCapabilities: { elicitation: { form: {} } } };
		throw new RpcError(-32021, `${canary}: elicitation is required`, { data, status: 400 });
	}
	const requestedSchema = { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] };
	const params = { mode: 'form', message: args.question, requestedSchema };
	const payload = Buffer.from(String(args.question)).toString('base64url');
	return {
		resultType: 'input_required',
		inputRequests: { answer: { method: 'elicitation/create', params } },
		requestState: `${payload}.${seal(state.key, payload)}`,
	};
}

/** @type {Record<string, (call: Call) => unknown>} */
const TOOLS = {
	echo: ({ args, canary }) => textResult(`${canary}: ${args.text}`),
	add: ({ args }) => ({ ...textResult(String(args.a + args.b)), structuredContent: { sum: args.a + args.b } }),
	remember({ args, canary, state }) {
		state.memory.set(args.key, args.value);
		return textResult(`${canary}: remembered`);
	},
	recall: ({ args, canary, state }) => textResult(`${canary}: ${state.memory.get(args.key) ?? '(nothing)'}`),
	whoami: ({ exchange }) => textResult(JSON.stringify(exchange.credential)),
	slow,
	log,
	exotic,
	fail: ({ canary }) => ({ ...textResult(`${canary}: this tool always fails`), isError: true }),
	rpcError({ canary }) {
		throw new RpcError(-32000, `${canary}: rpc error`, { data: { canary, 'x-vendor': [1, null] } });
	},
	crash: ({ exchange }) => exchange.crash(),
	huge: ({ args }) => textResult('x'.repeat(args.bytes)),
	toggle_tool: toggleTool,
	touch({ args, canary, state }) {
		state.broadcast('notifications/resources/updated', { uri: args.uri });
		return textResult(`${canary}: touched`);
	},
	regional: ({ args, canary }) => textResult(`${canary}: ${args.region}`),
	[ODD_TOOL_NAME]: ({ canary }) => textResult(`${canary}: odd`),
	[LONG_TOOL_NAME]: ({ canary }) => textResult(`${canary}: long`),
	extra: ({ canary }) => textResult(`${canary}: extra`),
	ask,
	elicit,
};

/**
 * Runs one tool; undefined means that no answer is due (cancelled, crashed).
 *
 * @param {string} name
 * @param {Call} call
 */
export async function runTool(name, call) {
	const run = TOOLS[name];
	return run ? run(call) : runConformanceTool(name, call);
}
