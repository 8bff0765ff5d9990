/** A lean MCP server on stdio (2025-11-25): one JSON message per line, `echo` answers at once. Runs under plain node. */

const TOOL = {
	name: 'echo',
	description: 'Answers the text it was given.',
	inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
	annotations: { readOnlyHint: true },
};
const INITIALIZED = {
	protocolVersion: '2025-11-25',
	capabilities: { tools: {} },
	serverInfo: { name: 'bench-stdio', version: '1.0.0' },
};

/** @param {any} message */
function payloadOf({ method, params }) {
	if (method === 'tools/call') {
		return `"result":{"content":[{"type":"text","text":${JSON.stringify(params.arguments.text)}}]}`;
	}
	if (method === 'tools/list') return `"result":${JSON.stringify({ tools: [TOOL] })}`;
	if (method === 'initialize') return `"result":${JSON.stringify(INITIALIZED)}`;
	if (method === 'ping') return '"result":{}';
	return '"error":{"code":-32601,"message":"Method not found"}';
}

/** @param {string} line */
function receive(line) {
	const message = JSON.parse(line);
	if (message.id === undefined || message.method === undefined) return;
	process.stdout.write(`{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},${payloadOf(message)}}\n`);
}

let rest = '';
process.stdin.setEncoding('utf8');
process.stdin.on('data', (/** @type {string} */ chunk) => {
	const lines = (rest + chunk).split('\n');
	rest = lines.pop() ?? '';
	for (const line of lines) receive(line);
});
process.stdin.on('end', () => process.exit(0));
