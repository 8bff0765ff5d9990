// Runs the real mcpo on a free port; MCPO names the program, `mcpo` otherwise.
import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { createServer } from 'node:net';

const PATIENCE_MS = 60_000;

/** Runs mcpo with these arguments while `act` works with it; `act` is given how to ask it. */
export async function withMcpo(args, act) {
	const port = await freePort();
	const command = ['--host', '127.0.0.1', '--port', String(port), ...args];
	const child = spawn(process.env.MCPO ?? 'mcpo', command, {
		stdio: ['ignore', 'ignore', 'inherit'],
		env: { ...process.env, LOG_LEVEL: 'WARNING' },
	});
	const failed = new Promise((_, reject) => {
		child.once('error', reject);
		child.once('exit', (code) => reject(new Error(`mcpo ended with ${code}`)));
	});
	try {
		await Promise.race([act((asked) => send(port, asked)), failed]);
	} finally {
		failed.catch(() => undefined);
		child.kill('SIGTERM');
	}
}

/** Asks for a document until it names a tool. */
export async function documentOf(ask, { path = '/openapi.json', headers = {} } = {}) {
	const until = Date.now() + PATIENCE_MS;
	for (;;) {
		const answer = await ask({ path, method: 'GET', headers }).catch(() => undefined);
		if (answer?.status === 200 && answer.text.includes('/give')) return JSON.parse(answer.text);
		if (Date.now() > until) throw new Error('mcpo did not come up');
		await new Promise((resolve) => setTimeout(resolve, 200));
	}
}

function send(port, { path, method = 'POST', body, headers = {} }) {
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
