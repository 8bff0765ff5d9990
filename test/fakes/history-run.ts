import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { stringify } from 'yaml';
import { migrate } from '../../src/store/migrate.ts';
import { type FakeDirectory, startFakeDirectory } from './directory.ts';
import type { History } from './history-check.ts';
import { type Caller, type HistoryCall, runClients, SHARED_TOOL } from './history-clients.ts';
import { readKept } from './history-database.ts';
import { type HistoryGateway, readSpool, startHistoryGateway } from './history-gateway.ts';
import { type DatabaseProxy, type ShippingStep, startDatabaseProxy } from './history-proxy.ts';
import { type Execution, type HistoryUpstream, startHistoryUpstream } from './history-upstream.ts';
import type { TestDatabase, TestPostgres } from './postgres.ts';

/** What befalls the gateway in one round, before it is killed in any case. */
export type Fate =
	/** Killed under load. */
	| 'load'
	/** Killed while it starts, or just after. */
	| 'start'
	/** Killed at a chosen moment of shipping. */
	| 'ship'
	/** Killed while it drains. */
	| 'drain'
	/** The database is lost at a chosen moment of shipping, for a while. */
	| 'cut'
	/** The same, with the connections ended by the database. */
	| 'terminate';

/** The fates, in the order in which rounds take turns. */
export const FATES: readonly Fate[] = ['load', 'ship', 'cut', 'start', 'terminate', 'drain'];

/** A gateway that is killed again and again, with its clients, its servers and its database. */
export interface HistoryRun {
	/** One life of the gateway under load. */
	round(fate: Fate): Promise<void>;
	/** Starts once more, lets everything be shipped, stops in order, and tells what everybody remembers. */
	settle(): Promise<History>;
	/** Milliseconds under load so far. */
	loadMs(): number;
	close(): Promise<void>;
}

const PLACES = {
	'google/jira': { era: 'modern', audit: 'strict' },
	'microsoft/files': { era: 'legacy', audit: 'strict' },
	'companyc/wiki': { era: 'modern', audit: 'best-effort' },
} as const;
const GROUPS = ['MCP-Google', 'MCP-Microsoft', 'MCP-CompanyC'];
const CALLERS = 12;
/** Names that the servers offer in each round: more than there can be calls. */
const NONCES = 600;
const SHIPPING_MS = 30_000;

interface Run {
	readonly folder: string;
	readonly main: string | undefined;
	readonly database: TestDatabase;
	readonly proxy: DatabaseProxy;
	readonly upstreams: ReadonlyMap<string, HistoryUpstream>;
	readonly callers: readonly Caller[];
	readonly calls: HistoryCall[];
	readonly executions: Execution[];
	/** Number of the round, and of the names used up in it. */
	readonly at: { round: number; nonce: number; loadMs: number };
}

const nonceOf = (round: number, number: number): string => `r${round}-${number}`;
const between = (least: number, most: number): number => least + Math.random() * (most - least);

/** Prepares everything; no gateway runs yet. `main` is the compiled entry point, that of the build unless given. */
export async function prepareHistory(postgres: TestPostgres, main?: string): Promise<HistoryRun> {
	const database = await postgres.createDatabase();
	await migrate(database.owner);
	const directory = await startFakeDirectory();
	const at = { round: 0, nonce: 0, loadMs: 0 };
	const executions: Execution[] = [];
	const upstreams = await startUpstreams(at, executions);
	const folder = mkdtempSync(join(tmpdir(), 'portcullis-history-'));
	writeFileSync(join(folder, 'portcullis.yaml'), configuration(directory, upstreams));
	const proxy = await startDatabaseProxy(database.app);
	const callers = makeCallers(directory);
	const run: Run = { folder, main, database, proxy, upstreams, callers, calls: [], executions, at };
	return {
		round: (fate) => playRound(run, fate),
		settle: () => settle(run),
		loadMs: () => at.loadMs,
		async close() {
			await Promise.all([proxy.close(), directory.close(), ...[...upstreams.values()].map(({ close }) => close())]);
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

async function startUpstreams(at: Run['at'], executions: Execution[]): Promise<Run['upstreams']> {
	const tools = (): readonly string[] => [
		SHARED_TOOL,
		...Array.from({ length: NONCES }, (_, number) => nonceOf(at.round, number)),
	];
	const onExecuted = (execution: Execution): void => void executions.push(execution);
	const started = Object.entries(PLACES).map(async ([place, { era }]) => {
		return [place, await startHistoryUpstream({ place, era, tools, onExecuted })] as const;
	});
	return new Map(await Promise.all(started));
}

const variableOf = (place: string): string => `KEY_${place.split('/')[0]!.toUpperCase()}`;

function configuration({ directory }: FakeDirectory, upstreams: Run['upstreams']): string {
	const workspaces = Object.entries(PLACES).map(([place, { audit, era }]) => {
		const [workspace, server] = place.split('/') as [string, string];
		const headers = { 'x-api-key': `\${env:${variableOf(place)}}` };
		return [
			workspace,
			{ audit, servers: { [server]: { transport: 'http', url: upstreams.get(place)?.url, era, headers } } },
		];
	});
	const grants = Object.keys(PLACES).map((place, index) => {
		return { group: GROUPS[index], workspace: place.split('/')[0], access: 'write' };
	});
	return stringify({ directories: [directory], workspaces: Object.fromEntries(workspaces), grants });
}

function makeCallers(directory: FakeDirectory): readonly Caller[] {
	return Array.from({ length: CALLERS }, (_, index) => {
		const oid = `person-${index}`;
		return { oid, token: directory.token({ oid, groups: GROUPS }) };
	});
}

function start({ folder, main, database, proxy, upstreams }: Run): HistoryGateway {
	const env = {
		PATH: process.env['PATH'] ?? '',
		...Object.fromEntries([...upstreams].map(([place, { key }]) => [variableOf(place), key])),
		DATABASE_URL: proxy.urlFor(database.app),
		DATABASE_PLATFORM_URL: proxy.urlFor(database.platform),
	};
	return startHistoryGateway(folder, env, main);
}

async function playRound(run: Run, fate: Fate): Promise<void> {
	run.at.round++;
	run.at.nonce = 0;
	const gateway = start(run);
	const stopping = new AbortController();
	const load = callWhenReady(run, gateway, stopping.signal);
	await endings[fate](run, gateway);
	gateway.signal('SIGKILL');
	stopping.abort();
	const ended = await gateway.exited;
	await load;
	run.proxy.watch(undefined);
	run.proxy.restore();
	if (ended !== 'SIGKILL' && fate !== 'drain') throw new Error(`the gateway ended with ${ended}: ${gateway.output()}`);
}

async function callWhenReady({ at, upstreams, callers, calls }: Run, gateway: HistoryGateway, signal: AbortSignal) {
	const url = await gateway.ready;
	if (url === undefined) return;
	const startedAt = performance.now();
	void gateway.exited.then(() => {
		at.loadMs += performance.now() - startedAt;
	});
	await runClients({
		url,
		callers,
		places: [...upstreams.keys()],
		nextNonce: () => (at.nonce < NONCES ? nonceOf(at.round, at.nonce++) : undefined),
		onCall: (call) => void calls.push(call),
		signal,
	});
}

/** What happens before the kill. */
const endings: Readonly<Record<Fate, (run: Run, gateway: HistoryGateway) => Promise<unknown>>> = {
	load: (run, gateway) => underLoad(run, gateway, between(150, 600)),
	start: () => sleep(between(30, 700)),
	async ship({ proxy }, gateway) {
		const step = await stepOf(proxy, gateway, () => gateway.signal('SIGKILL'));
		if (!step) await sleep(between(0, 50));
	},
	async drain(run, gateway) {
		await underLoad(run, gateway, between(150, 400));
		gateway.signal('SIGTERM');
		await Promise.race([sleep(between(0, 400)), gateway.exited]);
	},
	async cut({ proxy }, gateway) {
		await stepOf(proxy, gateway, proxy.cut);
		await sleep(between(50, 300));
		proxy.restore();
		await sleep(between(0, 500));
	},
	async terminate({ proxy, database }, gateway) {
		await stepOf(proxy, gateway, () => undefined);
		await terminateBackends(database);
		await sleep(between(50, 500));
	},
};

const FEWEST_CALLS = 40;
const PATIENCE_MS = 5_000;

/** As long as told, and on a machine that is busy with something else until some calls were answered. */
async function underLoad({ calls }: Run, { ready }: HistoryGateway, leastMs: number): Promise<void> {
	await ready;
	const before = calls.length;
	await sleep(leastMs);
	for (const deadline = Date.now() + PATIENCE_MS; calls.length < before + FEWEST_CALLS && Date.now() < deadline; ) {
		await sleep(20);
	}
}

const STEPS: readonly ShippingStep[] = ['inserting', 'committing', 'committed'];

/** Acts at a moment of shipping that is drawn by lot, before its bytes go on; whether the moment came. */
async function stepOf(proxy: DatabaseProxy, { ready, exited }: HistoryGateway, act: () => void): Promise<boolean> {
	const wanted = STEPS[Math.floor(Math.random() * STEPS.length)];
	await ready;
	let count = Math.ceil(Math.random() * 4);
	const came = new Promise<boolean>((resolve) => {
		proxy.watch((step) => {
			if (step !== wanted || --count > 0) return;
			proxy.watch(undefined);
			act();
			resolve(true);
		});
	});
	return Promise.race([came, exited.then(() => false), sleep(1_500).then(() => false)]);
}

async function terminateBackends({ superuser }: TestDatabase): Promise<void> {
	const client = new pg.Client(superuser);
	await client.connect();
	await client.query(
		`select pg_terminate_backend(pid) from pg_stat_activity
		 where datname = current_database() and usename in ('portcullis_app', 'portcullis_platform')`,
	);
	await client.end();
}

async function settle(run: Run): Promise<History> {
	const { folder, database, upstreams, calls, executions } = run;
	const gateway = start(run);
	try {
		const url = await gateway.ready;
		if (url === undefined) throw new Error(`the gateway did not start: ${gateway.output()}`);
		for (const deadline = Date.now() + SHIPPING_MS; readSpool(folder).unshippedBytes > 0; await sleep(50)) {
			if (Date.now() > deadline) throw new Error(`records are not shipped: ${gateway.output()}`);
		}
		gateway.signal('SIGTERM');
		if ((await gateway.exited) !== 0) throw new Error(`the gateway did not stop in order: ${gateway.output()}`);
	} finally {
		gateway.signal('SIGKILL');
		await gateway.exited;
	}
	const keys = new Map([...upstreams].map(([place, { key }]) => [place, key]));
	const { unshippedBytes, setAside } = readSpool(folder);
	if (unshippedBytes > 0) throw new Error(`${unshippedBytes} bytes are left in the spool`);
	return { ...(await readKept(database)), calls, executions, keys, setAside };
}
