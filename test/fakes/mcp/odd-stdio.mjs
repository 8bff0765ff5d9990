/**
 * A stdio server with the manners of real ones, `node odd-stdio.mjs '<options as JSON>'`: it logs to stdout (`log`), takes
 * `startMs` before it reads anything, lists `tools` (JSON text of an array) or one tool whose description has
 * `descriptionBytes`, ends unless its backend's file is there (`backend`), and keeps one file in its home (`keep`).
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const options = JSON.parse(process.argv[2] ?? '{}');
if (options.starts) appendFileSync(options.starts, `${process.pid}\n`);
if (options.backend && !existsSync(options.backend)) {
	process.stderr.write('cannot reach the backend\n');
	process.exit(1);
}
for (const line of options.log ?? []) process.stdout.write(`${line}\n`);

const TOOL = { name: 'echo', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } };
const tools = () => {
	if (options.tools) return options.tools;
	return JSON.stringify([{ ...TOOL, description: 'x'.repeat(options.descriptionBytes ?? 1) }]);
};

const answers = {
	initialize: () =>
		'{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"odd","version":"1"}}',
	'tools/list': () => `{"tools":${tools()}}`,
	'tools/call': () => {
		const file = join(process.env.HOME ?? '.', 'kept.txt');
		if (options.keep) appendFileSync(file, `${process.env.WHO}\n`);
		const kept = existsSync(file) ? readFileSync(file, 'utf8') : '';
		const text = JSON.stringify({ kept, env: process.env, args: process.argv.slice(3), cwd: process.cwd() });
		return JSON.stringify({ content: [{ type: 'text', text }] });
	},
};

function listen() {
	if (options.lastWord) writeFileSync(options.lastWord, 'ready');
	createInterface({ input: process.stdin }).on('line', (line) => {
		const { id, method } = JSON.parse(line);
		if (id === undefined) return;
		const answer = answers[method];
		const body = answer ? `"result":${answer()}` : '"error":{"code":-32601,"message":"no such method"}';
		for (const extra of options.between ?? []) process.stdout.write(`${extra}\n`);
		process.stdout.write(`{"jsonrpc":"2.0","id":${id},${body}}\n`);
	});
}
setTimeout(listen, options.startMs ?? 0);
