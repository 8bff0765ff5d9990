import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { CliProcess, Workbench } from './operation-process.ts';

const READY_MS = 30_000;

/** The fixture server's program, as an argument of node. */
export const FIXTURE = join(import.meta.dirname, '..', 'fakes', 'mcpo-fixture.mjs');

/** A bridge that serves. */
export interface BridgeProcess extends CliProcess {
	/** As it says itself. */
	readonly url: string;
}

/** Runs `bridge` on a free port and waits for its ready line. */
export async function startBridge(
	bench: Workbench,
	args: readonly string[],
	env: Readonly<Record<string, string>> = {},
): Promise<BridgeProcess> {
	const started = bench.start(['bridge', '--port', '0', ...args], env);
	const deadline = Date.now() + READY_MS;
	const ready = /^The bridge is ready: (https?:\S+)$/m;
	while (!ready.test(started.stdout())) {
		const ended = await Promise.race([started.exit, new Promise((done) => setTimeout(done, 20, undefined))]);
		if (ended !== undefined || Date.now() > deadline)
			throw new Error(`not ready: ${started.stdout()}${started.stderr()}`);
	}
	return Object.assign(started, { url: ready.exec(started.stdout())?.[1] ?? '' });
}

/** Writes a file of mcpo into the bench; returns its path. */
export function writeServers(bench: Workbench, mcpServers: unknown, name = 'config.json'): string {
	const file = bench.path(name);
	writeFileSync(file, JSON.stringify({ mcpServers }));
	return file;
}

/** The entry of the fixture over stdio. */
export const fixtureEntry = (more: object = {}) => ({ command: process.execPath, args: [FIXTURE], ...more });

/** One request to a bridge. */
export interface AskedBridge {
	readonly path: string;
	readonly method?: string;
	readonly body?: unknown;
	readonly key?: string;
	readonly headers?: Readonly<Record<string, string>>;
}

/** What came back. */
export interface ToldBridge {
	readonly status: number;
	readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
	readonly text: string;
}

/** Asks a bridge; a body that is a text goes out as it is. Neither Host nor Origin is added to what is said. */
export function askBridge(base: string, { path, method, body, key, headers = {} }: AskedBridge): Promise<ToldBridge> {
	const url = new URL(base);
	const all = {
		...(body !== undefined && { 'content-type': 'application/json' }),
		...(key !== undefined && { authorization: `Bearer ${key}` }),
		...headers,
	};
	const { hostname, port } = url;
	return new Promise((resolve, reject) => {
		const sent = request(
			{ host: hostname, port, path, method: method ?? (body === undefined ? 'GET' : 'POST'), headers: all },
			(response) => {
				let text = '';
				response.setEncoding('utf8').on('data', (chunk: string) => {
					text += chunk;
				});
				response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
			},
		);
		sent.on('error', reject);
		sent.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body));
	});
}
