/**
 * The least an http front for a stdio server can do in this runtime, to know the ceiling: one JSON.parse each way, the
 * bytes forwarded. `node bare-bridge.js <stdio script>`; prints `{"port":…}` and ends when its stdin does.
 */
import { spawn } from 'node:child_process';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const child = spawn(process.execPath, [process.argv[2] ?? ''], { stdio: ['pipe', 'pipe', 'inherit'] });
const waiting = new Map<number, ServerResponse>();

function forward(body: Buffer, response: ServerResponse): void {
	const { id } = JSON.parse(body.toString()) as { id?: number };
	child.stdin.write(body);
	child.stdin.write('\n');
	if (id === undefined) response.writeHead(202).end();
	else waiting.set(id, response);
}

function answer(line: string): void {
	const { id } = JSON.parse(line) as { id: number };
	const body = Buffer.from(line);
	waiting.get(id)?.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
	waiting.delete(id);
}

let rest = '';
child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
	const lines = (rest + chunk).split('\n');
	rest = lines.pop() ?? '';
	for (const line of lines) answer(line);
});

const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
	const chunks: Buffer[] = [];
	request.on('data', (chunk: Buffer) => chunks.push(chunk));
	request.on('end', () => forward(Buffer.concat(chunks), response));
});
server.listen(0, '127.0.0.1', () => {
	process.stdout.write(`{"port":${(server.address() as AddressInfo).port}}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
