import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { migrate } from '../../src/store/migrate.ts';
import { startFakeDirectory } from './directory.ts';
import { modern, type PlainAnswer, post } from './gateway.ts';
import { type HistoryGateway, startHistoryGateway } from './history-gateway.ts';
import { startDatabaseProxy } from './history-proxy.ts';
import type { TestDatabase, TestPostgres } from './postgres.ts';
import { startModernHttp } from './upstream.ts';

/** What calls come to within a while. */
export interface LoadResult {
	/** Calls that reached the server. */
	readonly admitted: number;
	readonly refused: number;
	/** Codes of refusals. */
	readonly codes: ReadonlySet<string>;
	/** From before the first call to after the last answer, milliseconds. */
	readonly windowMs: number;
}

/** Several processes of the gateway over one database, with limits. */
export interface LimitedFleet {
	readonly database: TestDatabase;
	/** One call of a tool of this workspace through the process of this number. */
	call(process: number, workspace?: string): Promise<PlainAnswer>;
	/** Calls through all processes, as fast as they answer, for this long. */
	load(ms: number, workspace?: string): Promise<LoadResult>;
	/** Takes the database away. */
	cut(): void;
	restore(): void;
	/** What the processes have printed and logged. */
	output(): string;
	/** Ends all processes in order. */
	stop(): Promise<void>;
	close(): Promise<void>;
}

/** How a fleet is made. */
export interface FleetOptions {
	readonly postgres: TestPostgres;
	/** Limits by workspace. */
	readonly rateLimits: Readonly<Record<string, object>>;
	readonly env?: Readonly<Record<string, string>>;
	readonly processes?: number;
}

const CALLERS_EACH = 6;

/** Starts them. */
export async function startLimitedFleet(options: FleetOptions): Promise<LimitedFleet> {
	const { postgres, rateLimits, env = {}, processes = 3 } = options;
	const database = await postgres.createDatabase();
	await migrate(database.owner);
	const [proxy, directory, upstream] = await Promise.all([
		startDatabaseProxy(database.app),
		startFakeDirectory(),
		startModernHttp({ canary: 'FLEET' }),
	]);
	const root = mkdtempSync(join(tmpdir(), 'portcullis-fleet-'));
	const server = { transport: 'http', url: upstream.url, era: 'modern' };
	const file = stringify({
		directories: [directory.directory],
		workspaces: Object.fromEntries(
			Object.entries(rateLimits).map(([slug, limits]) => [slug, { servers: { tools: server }, rateLimits: limits }]),
		),
		grants: Object.keys(rateLimits).map((workspace) => ({ group: 'G', workspace, access: 'write' })),
	});
	const startOne = (): HistoryGateway => {
		const folder = mkdtempSync(join(root, 'p-'));
		writeFileSync(join(folder, 'portcullis.yaml'), file);
		const urls = { DATABASE_URL: proxy.urlFor(database.app), DATABASE_PLATFORM_URL: proxy.urlFor(database.platform) };
		return startHistoryGateway(folder, { PATH: process.env['PATH'] ?? '', ...urls, ...env });
	};
	// The first puts the file into the database; the others find it there.
	const first = startOne();
	await first.ready;
	const gateways = [first, ...Array.from({ length: processes - 1 }, startOne)];
	const urls = await Promise.all(gateways.map(urlOf));
	const headers = { authorization: `Bearer ${directory.token({ groups: ['G'] })}` };
	const echo = modern('tools/call', { name: 'echo', arguments: { text: 'hello' } });
	const call = (index: number, workspace = Object.keys(rateLimits)[0] ?? ''): Promise<PlainAnswer> =>
		post(`${urls[index]}/w/${workspace}/s/tools/mcp`, echo.body, { ...headers, ...echo.headers });
	const reached = (): number => upstream.seen.filter(({ method }) => method === 'tools/call').length;
	const stop = async (): Promise<void> => {
		for (const gateway of gateways) gateway.signal('SIGTERM');
		await Promise.all(gateways.map(({ exited }) => exited));
	};
	return {
		database,
		call,
		async load(ms, workspace) {
			const before = reached();
			const codes = new Set<string>();
			let refused = 0;
			const startedAt = performance.now();
			const callOn = async (index: number): Promise<void> => {
				while (performance.now() - startedAt < ms) {
					const { status, json } = await call(index, workspace);
					if (status === 200) continue;
					refused += 1;
					codes.add(String(json?.error?.data?.code));
				}
			};
			await Promise.all(gateways.flatMap((_, index) => Array.from({ length: CALLERS_EACH }, () => callOn(index))));
			return { admitted: reached() - before, refused, codes, windowMs: performance.now() - startedAt };
		},
		cut: proxy.cut,
		restore: proxy.restore,
		output: () => gateways.map(({ output }) => output()).join('\n'),
		stop,
		async close() {
			for (const gateway of gateways) gateway.signal('SIGKILL');
			await Promise.all(gateways.map(({ exited }) => exited));
			await Promise.all([proxy.close(), directory.close(), upstream.close()]);
			rmSync(root, { recursive: true, force: true });
		},
	};
}

async function urlOf({ ready, output }: HistoryGateway): Promise<string> {
	const url = await ready;
	if (url === undefined) throw new Error(`a gateway ended before it was ready: ${output()}`);
	return url;
}
