/** How a gateway with 1,000 workspaces starts and answers beside one with a single one: `tsx bench/scale.ts [workspaces] [rules]`. */
import { request } from 'node:http';
import pg from 'pg';
import { createApp } from '../src/app.ts';
import type { RecordKeeper } from '../src/audit/file-record.ts';
import { createLog } from '../src/observe/log.ts';
import { migrate } from '../src/store/migrate.ts';
import { createStoredSnapshots } from '../src/store/snapshots.ts';
import { createStore } from '../src/store/store.ts';
import { type FakeDirectory, startFakeDirectory } from '../test/fakes/directory.ts';
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../test/fakes/postgres.ts';
import { startModernHttp } from '../test/fakes/upstream.ts';

const SERVERS = 20;
const ROUNDS = 9;
const CALLS = 500;

const NO_RECORDS: RecordKeeper = {
	keep: () => undefined,
	keepTogether: () => Promise.resolve(),
	reopen: () => undefined,
	close: () => undefined,
};

interface Filling {
	readonly workspaces: number;
	/** Tool rules of each server. */
	readonly rules: number;
	readonly url: string;
	readonly directory: FakeDirectory;
}

async function fill(database: TestDatabase, { workspaces, rules, url, directory }: Filling): Promise<void> {
	const client = new pg.Client(database.superuser);
	await client.connect();
	// Without triggers: a million rows one statement at a time are not what is measured.
	await client.query('set session_replication_role = replica');
	const { id, issuer, tenantId, audiences, jwksUrl } = directory.directory;
	await client.query(
		'insert into portcullis.directory (id, issuer, tenant_id, audiences, jwks_url) values ($1, $2, $3, $4, $5)',
		[id, issuer, tenantId, audiences, jwksUrl],
	);
	await client.query(
		`insert into portcullis.workspace (slug, title) select 'w' || n, 'Workspace ' || n from generate_series(1, $1::int) n`,
		[workspaces],
	);
	await client.query(
		`insert into portcullis.grant_rule (workspace_id, claim, value, level)
		 select workspace_id, 'group', 'G-' || slug, 'write' from portcullis.workspace`,
	);
	await client.query(
		`insert into portcullis.server (workspace_id, slug, transport, endpoint)
		 select workspace_id, 's' || n, 'http', json_build_object('url', $2::text)
		 from portcullis.workspace, generate_series(1, $1::int) n`,
		[SERVERS, url],
	);
	await client.query(
		`insert into portcullis.tool_rule (workspace_id, server_id, tool, readable)
		 select workspace_id, id, 'tool_' || n, true from portcullis.server, generate_series(1, $1::int) n`,
		[rules],
	);
	await client.query('analyze');
	await client.end();
}

async function startGateway(postgres: TestPostgres, filling: Filling) {
	const database = await postgres.createDatabase();
	await migrate(database.owner);
	await fill(database, filling);
	const store = createStore({ connections: database });
	const startedAt = performance.now();
	const lookup = () => ({ folder: '.', env: {}, readSecretFile: () => '', references: new Map() });
	const snapshots = await createStoredSnapshots({ store, lookup });
	const startMs = performance.now() - startedAt;
	const app = createApp({ snapshots, records: NO_RECORDS, childEnv: {}, log: createLog('silent') });
	const loopback = { host: '127.0.0.1', port: 0 };
	const { front, operator } = await app.listen({ public: loopback, operator: loopback });
	return {
		startMs,
		port: front.port,
		async close() {
			await app.close();
			await Promise.all([front.drain(AbortSignal.abort()), operator.drain(AbortSignal.abort())]);
			await store.close();
		},
	};
}

const META = {
	'io.modelcontextprotocol/protocolVersion': '2026-07-28',
	'io.modelcontextprotocol/clientCapabilities': {},
};
const BODY = JSON.stringify({
	...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
	params: { name: 'echo', arguments: { text: 'hello' }, _meta: META },
});

function call(port: number, token: string): Promise<void> {
	return new Promise((resolve, reject) => {
		const headers = {
			...{ authorization: `Bearer ${token}`, 'content-type': 'application/json' },
			...{ accept: 'application/json, text/event-stream', 'mcp-protocol-version': '2026-07-28' },
			...{ 'mcp-method': 'tools/call', 'mcp-name': 'echo', 'content-length': Buffer.byteLength(BODY) },
		};
		const sent = request({ port, path: '/w/w1/s/s1/mcp', method: 'POST', headers }, (response) => {
			response
				.resume()
				.on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode}`))));
		});
		sent.on('error', reject).end(BODY);
	});
}

/** Microseconds a call takes, median of many. */
async function measure(port: number, token: string): Promise<number> {
	const times: number[] = [];
	for (let index = 0; index < CALLS; index++) {
		const startedAt = performance.now();
		await call(port, token);
		times.push(performance.now() - startedAt);
	}
	return median(times) * 1_000;
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

const [workspaces = 1_000, rules = 50] = process.argv.slice(2).map(Number);
const postgres = await startTestPostgres('embedded');
const upstream = await startModernHttp({ canary: 'RESULT' });
const directory = await startFakeDirectory();
const one = await startGateway(postgres, { workspaces: 1, rules, url: upstream.url, directory });
const many = await startGateway(postgres, { workspaces, rules, url: upstream.url, directory });
console.log(
	`${workspaces} workspaces × ${SERVERS} servers × ${rules} rules: read and built in ${(many.startMs / 1_000).toFixed(1)} s`,
);
const token = directory.token({ groups: ['G-w1'] });
await Promise.all([measure(one.port, token), measure(many.port, token)]);
const ratios: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
	const alone = await measure(one.port, token);
	ratios.push((await measure(many.port, token)) / alone);
}
console.log(
	`latency of a call ÷ that of a gateway with one workspace: ${median(ratios).toFixed(2)} (${ROUNDS} rounds)`,
);
await Promise.all([one.close(), many.close()]);
await Promise.all([upstream.close(), directory.close()]);
await postgres.close();
