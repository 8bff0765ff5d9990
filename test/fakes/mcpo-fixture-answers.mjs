// What the fixture servers of mcpo-fixture*.mjs answer, whatever carries it: definitions and results are fixed texts, so that
// what a facade makes of them can be compared byte for byte.
import { ERRORS, RESULTS, STRANGE, TOOLS } from './mcpo-fixture-data.mjs';

const text = (value) => ({ type: 'text', text: value });

/** The answer to one message as a line of text; `undefined` where it wants none. */
export function answerTo(line, { isStrange = false } = {}) {
	const message = JSON.parse(line);
	if (message.id === undefined || message.method === undefined) return undefined;
	const id = JSON.stringify(message.id);
	try {
		const result = answer(message, line, isStrange);
		return result === undefined ? undefined : `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
	} catch (error) {
		return `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify(error)}}`;
	}
}

function answer({ method, params }, line, isStrange) {
	if (method === 'initialize') {
		const serverInfo = { name: 'fixture', version: '1.2.3' };
		return JSON.stringify({ protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo });
	}
	if (method === 'tools/list') return JSON.stringify({ tools: isStrange ? [...TOOLS, ...STRANGE] : TOOLS });
	if (method === 'tools/call') return call(params, line);
	return '{}';
}

// Through JavaScript a large number would be another.
function argumentsIn(line) {
	const start = line.indexOf('"arguments":') + '"arguments":'.length;
	let depth = 0;
	for (let at = start; at < line.length; at++) {
		if (line[at] === '"') at = line.slice(at + 1).search(/(?<!\\)(?:\\\\)*"/) + at + 1;
		if (line[at] === '{') depth++;
		if (line[at] === '}' && --depth === 0) return line.slice(start, at + 1);
	}
	return 'null';
}

function call({ name, arguments: given }, line) {
	if (given?.kind === 'never') return undefined;
	if (['give', 'rich-tool.v2', 'mcp'].includes(name)) return RESULTS[given.kind] ?? RESULTS.text;
	if (name === 'fail') throw ERRORS[given.kind] ?? ERRORS.own;
	if (name === 'get_current_time') return RESULTS.text;
	if (name === 'with_output') return RESULTS.both;
	return JSON.stringify({ content: [text(given === undefined ? 'null' : argumentsIn(line))] });
}
