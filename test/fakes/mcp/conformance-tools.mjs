/** What the tools of the conformance suite do. Runs under plain node. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ASKING } from './conformance-questions.mjs';
import { converse } from './rounds.mjs';
import { isTaskTool, runTaskTool } from './task-tools.mjs';

/**
 * @typedef {import('./tools.mjs').Call} Call
 */

/** A red pixel. */
export const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** A wave file of no samples. */
const SILENCE = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=';

const PAUSE_MS = 50;
const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** @param {string} text */
const textResult = (text) => ({ content: [{ type: 'text', text }] });
const IMAGE = { type: 'image', data: PIXEL, mimeType: 'image/png' };

/**
 * @param {string} uri
 * @param {string} mimeType
 * @param {string} text
 */
const embedded = (uri, mimeType, text) => ({ type: 'resource', resource: { uri, mimeType, text } });

/**
 * Logs on the call's stream, unless the client wants less: a modern one says with each call what it wants.
 *
 * @param {Call} call
 * @param {string} level
 * @param {string} data
 */
function log({ meta, exchange }, level, data) {
	const modern = exchange.era === 'modern';
	const wanted = modern ? meta['io.modelcontextprotocol/logLevel'] : (exchange.session.logLevel ?? 'debug');
	if (wanted === undefined || LEVELS.indexOf(level) < LEVELS.indexOf(wanted)) return;
	exchange.notify('notifications/message', { level, logger: 'suite', data });
}

/** @param {Call} call */
async function logThrice(call) {
	log(call, 'info', 'Tool execution started');
	await sleep(PAUSE_MS);
	log(call, 'info', 'Tool processing data');
	await sleep(PAUSE_MS);
	log(call, 'info', 'Tool execution completed');
	return textResult('Tool with logging executed successfully');
}

/** @param {Call} call */
async function progressThrice({ meta, exchange }) {
	const { progressToken } = meta;
	for (const progress of [0, 50, 100]) {
		if (progress > 0) await sleep(PAUSE_MS);
		const params = { progressToken, progress, total: 100 };
		if (progressToken !== undefined) exchange.notify('notifications/progress', params);
	}
	return textResult('Tool with progress executed successfully');
}

/** Ends the stream in the middle of the call: the answer waits for a client that comes back. @param {Call} call */
async function reconnect({ exchange }) {
	exchange.openStream();
	exchange.closeStream();
	await sleep(PAUSE_MS);
	return textResult('Reconnection test completed');
}

/** @param {Call} call */
function changeTools({ state }) {
	state.dynamicTool = !state.dynamicTool;
	state.broadcast('notifications/tools/list_changed', {});
	return textResult('The list of tools has changed');
}

/** @param {Call} call */
function changePrompts({ state }) {
	state.dynamicPrompt = !state.dynamicPrompt;
	state.broadcast('notifications/prompts/list_changed', {});
	return textResult('The list of prompts has changed');
}

/** @type {Record<string, (call: Call) => unknown>} */
const TOOLS = {
	test_simple_text: () => textResult('This is a simple text response for testing.'),
	test_image_content: () => ({ content: [IMAGE] }),
	test_audio_content: () => ({ content: [{ type: 'audio', data: SILENCE, mimeType: 'audio/wav' }] }),
	test_embedded_resource: () => ({
		content: [embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')],
	}),
	test_multiple_content_types: () => ({
		content: [
			{ type: 'text', text: 'Multiple content types test:' },
			IMAGE,
			embedded('test://mixed-content-resource', 'application/json', JSON.stringify({ test: 'data', value: 123 })),
		],
	}),
	test_error_handling: () => ({
		...textResult('This tool intentionally returns an error for testing'),
		isError: true,
	}),
	test_tool_with_logging: logThrice,
	test_logging_tool(call) {
		log(call, 'info', 'A message of the logging tool');
		return textResult('Logging tool executed');
	},
	test_tool_with_progress: progressThrice,
	test_reconnection: reconnect,
	json_schema_2020_12_tool: ({ args }) => textResult(JSON.stringify(args)),
	test_x_mcp_header: ({ args }) => textResult(`Region: ${args.region}`),
	test_trigger_tool_change: changeTools,
	test_trigger_prompt_change: changePrompts,
	test_dynamic_tool: () => textResult('Dynamic'),
	greet: ({ args }) => textResult(`Hello, ${args.name}!`),
};

/**
 * Runs one tool of the suite.
 *
 * @param {string} name
 * @param {Call} call
 */
export async function runConformanceTool(name, call) {
	if (isTaskTool(name)) return runTaskTool(name, call);
	const asking = ASKING[name]?.(call);
	if (!asking) return TOOLS[name]?.(call);
	const outcome = await converse(call, asking.dialogue);
	return 'result' in outcome ? outcome.result : textResult(asking.finish(outcome.answers));
}
