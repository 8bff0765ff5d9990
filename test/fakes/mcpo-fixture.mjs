// A stdio MCP server whose definitions and results are fixed texts, so that what a facade makes of them can be compared
// byte for byte. Started as `node mcpo-fixture.mjs [strange]`.
import { createInterface } from 'node:readline';
import { ERRORS, RESULTS, STRANGE, TOOLS } from './mcpo-fixture-data.mjs';

const text = (value) => ({ type: 'text', text: value });

function answer({ method, params }, line) {
	if (method === 'initialize') {
		const serverInfo = { name: 'fixture', version: '1.2.3' };
		return JSON.stringify({ protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo });
	}
	if (method === 'tools/list')
		return JSON.stringify({ tools: process.argv[2] === 'strange' ? [...TOOLS, ...STRANGE] : TOOLS });
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

for await (const line of createInterface({ input: process.stdin })) {
	const message = JSON.parse(line);
	if (message.id === undefined || message.method === undefined) continue;
	const id = JSON.stringify(message.id);
	try {
		const result = answer(message, line);
		if (result !== undefined) process.stdout.write(`{"jsonrpc":"2.0","id":${id},"result":${result}}\n`);
	} catch (error) {
		process.stdout.write(`{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify(error)}}\n`);
	}
}
