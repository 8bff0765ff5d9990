// Makes the golden pairs of test/golden/mcpo by running the real mcpo in front of the fixture server.
// `node tools/golden-mcpo.mjs [--check]`; MCPO names the program, `mcpo` otherwise. --check compares and changes nothing.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

const FOLDER = join(import.meta.dirname, '..', 'test', 'golden', 'mcpo');
const FIXTURE = join(import.meta.dirname, '..', 'test', 'fakes', 'mcpo-fixture.mjs');
const PATIENCE_MS = 30_000;

const port = await freePort();
const key = 'golden-key';
const command = ['--host', '127.0.0.1', '--port', String(port), '--api-key', key, '--', process.execPath, FIXTURE];
const child = spawn(process.env.MCPO ?? 'mcpo', command, { stdio: ['ignore', 'ignore', 'inherit'], env: process.env });
const failed = new Promise((_, reject) => {
	child.once('error', reject);
	child.once('exit', (code) => reject(new Error(`mcpo ended with ${code}`)));
});
try {
	await Promise.race([make(), failed]);
} finally {
	failed.catch(() => undefined);
	child.kill('SIGTERM');
}

async function make() {
	const document = JSON.parse((await ready()).text);
	const requests = JSON.parse(readFileSync(join(FOLDER, 'requests.json'), 'utf8'));
	const pairs = [];
	for (const asked of requests) pairs.push({ ...asked, answer: await ask(asked) });
	keep('document.json', document);
	keep('pairs.json', pairs);
}

function keep(name, value) {
	const path = join(FOLDER, name);
	const text = `${JSON.stringify(value, null, '\t')}\n`;
	if (!process.argv.includes('--check')) return writeFileSync(path, text);
	if (!isDeepStrictEqual(JSON.parse(readFileSync(path, 'utf8')), value))
		throw new Error(`mcpo answers otherwise than ${path} says`);
}

async function ready() {
	const until = Date.now() + PATIENCE_MS;
	for (;;) {
		try {
			const answer = await send({ path: '/openapi.json', method: 'GET' });
			if (answer.status === 200 && answer.text.includes('/give')) return answer;
		} catch (error) {
			if (Date.now() > until) throw error;
		}
		if (Date.now() > until) throw new Error('mcpo did not come up');
		await new Promise((resolve) => setTimeout(resolve, 200));
	}
}

async function ask({ path, method = 'POST', body, type = 'application/json' }) {
	const { status, text, headers } = await send({ path, method, body, type });
	const allow = headers.allow === undefined ? {} : { allow: headers.allow };
	return { status, type: headers['content-type'], ...allow, text };
}

function send({ path, method, body, type }) {
	const headers = { authorization: `Bearer ${key}`, ...(body !== undefined && type && { 'content-type': type }) };
	return new Promise((resolve, reject) => {
		const sent = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
			const chunks = [];
			response.on('data', (chunk) => chunks.push(chunk));
			response.on('end', () => {
				resolve({
					status: response.statusCode,
					headers: response.headers,
					text: Buffer.concat(chunks).toString('utf8'),
				});
			});
		});
		sent.on('error', reject);
		sent.end(body);
	});
}

function freePort() {
	return new Promise((resolve) => {
		const server = createServer().listen(0, '127.0.0.1', () => {
			const { port: free } = server.address();
			server.close(() => resolve(free));
		});
	});
}
