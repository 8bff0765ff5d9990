import { readFileSync } from 'node:fs';
import {
	createServer,
	request as httpRequest,
	type IncomingMessage,
	type RequestListener,
	type Server,
	type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type StdioChild, startStdioChild } from '../upstream/stdio-child.ts';
import { type DemoPaths, demoProgram, type EverythingUrls, secretPath } from './demo-folder.ts';

/** The demo's network servers, each behind a guard that demands its workspace's key. */
export interface DemoServers {
	readonly urls: EverythingUrls;
	close(): Promise<void>;
}

const START_MS = 20_000;
const POLL_MS = 50;
const MODES = {
	google: { mode: 'streamableHttp', path: '/mcp' },
	microsoft: { mode: 'sse', path: '/sse' },
} as const;

/** Starts `everything` over Streamable HTTP for google and over HTTP+SSE for microsoft, on free loopback ports. */
export async function startDemoServers(
	paths: DemoPaths,
	childEnv: Readonly<Record<string, string>>,
): Promise<DemoServers> {
	const started = await Promise.all(
		(['google', 'microsoft'] as const).map(async (workspace) => {
			const { mode, path } = MODES[workspace];
			const port = await freePort();
			const child = startEverything(mode, { ...childEnv, PORT: String(port) });
			await untilListening(port);
			const guard = await startGuard(port, readFileSync(secretPath(paths, workspace), 'utf8').trim());
			return { child, guard, url: `http://127.0.0.1:${portOf(guard)}${path}` };
		}),
	);
	const [google, microsoft] = started;
	return {
		urls: { google: google?.url ?? '', microsoft: microsoft?.url ?? '' },
		async close() {
			await Promise.all(started.map(({ child }) => child.stop()));
			for (const { guard } of started) {
				guard.close();
				guard.closeAllConnections();
			}
		},
	};
}

function startEverything(mode: string, env: Readonly<Record<string, string>>): StdioChild {
	const args = [demoProgram('everything'), mode];
	const spec = { command: process.execPath, args, cwd: undefined, env, lineBytes: 1 << 20 };
	return startStdioChild(spec, { onLine: () => undefined, onExit: () => undefined });
}

function portOf(server: Server): number {
	return (server.address() as AddressInfo).port;
}

async function listening(handler: RequestListener): Promise<Server> {
	const server = createServer(handler);
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	return server;
}

async function freePort(): Promise<number> {
	const server = await listening(() => undefined);
	const port = portOf(server);
	await new Promise((resolve) => server.close(resolve));
	return port;
}

async function untilListening(port: number): Promise<void> {
	const deadline = Date.now() + START_MS;
	while (!(await answers(port))) {
		if (Date.now() > deadline) throw new Error('The demo server "everything" did not start within 20 seconds.');
		await new Promise((resolve) => setTimeout(resolve, POLL_MS));
	}
}

function answers(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect(port, '127.0.0.1');
		socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
		socket.once('connect', () => socket.destroy());
	});
}

function startGuard(port: number, key: string): Promise<Server> {
	return listening((request, response) => {
		if (request.headers['x-api-key'] === key) return pass(request, response, port);
		response
			.writeHead(401, { 'content-type': 'text/plain' })
			.end('The x-api-key of this workspace is missing or wrong.\n');
	});
}

function pass(request: IncomingMessage, response: ServerResponse, port: number): void {
	const { 'x-api-key': _key, ...headers } = request.headers;
	const onward = httpRequest(
		{ host: '127.0.0.1', port, method: request.method, path: request.url, headers },
		(answer) => {
			response.writeHead(answer.statusCode ?? 502, answer.headers);
			answer.pipe(response);
		},
	);
	onward.on('error', () => response.destroy());
	response.on('close', () => onward.destroy());
	request.pipe(onward);
}
