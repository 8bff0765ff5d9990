import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appendRecords, type RecordToAppend } from '../../src/store/append-records.ts';
import { type ApiClient, createApiClient, expectProblem } from '../fakes/api-client.ts';
import { type ManagedGateway, startManagedGateway } from '../fakes/managed-gateway.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { run } from '../store/migrated-database.ts';

let postgres: TestPostgres;
let gateway: ManagedGateway;
let api: ApiClient;

const COUNT = 100_000;
const START = Date.UTC(2026, 10, 1);

/** Record number `index` of a workspace: one a minute, of two servers and three people. */
function record(workspaceId: string | undefined, index: number): RecordToAppend {
	const at = new Date(START + index * 60_000).toISOString();
	const fields = {
		...{ request: `r-${index}`, kind: index % 10 === 0 ? 'intent' : 'outcome', server: index % 2 ? 'jira' : 'files' },
		...{
			tool: `tool-${index % 7}`,
			outcome: index % 5 ? 'ok' : 'refused',
			code: index % 5 ? undefined : 'PC_TOOL_UNKNOWN',
		},
	};
	const principal = { issuer: 'https://login.example', tid: 'd', oid: `person-${index % 3}` };
	const line = JSON.stringify({ time: at, ...fields, principal, durationMs: 12, reasons: ['workspace-granted'] });
	return { ...fields, ...principal, workspaceId, at, line, durationMs: 12 };
}

beforeAll(async () => {
	postgres = await startTestPostgres('embedded');
	gateway = await startManagedGateway(
		{
			workspaces: { google: { servers: {} }, microsoft: { servers: {} }, empty: { servers: {} } },
			grants: [
				{ group: 'admins', workspace: 'google', access: 'admin' },
				{ group: 'admins', workspace: 'empty', access: 'admin' },
				{ group: 'writers', workspace: 'google', access: 'write' },
				{ group: 'microsofts', workspace: 'microsoft', access: 'admin' },
				{ group: 'platform', workspace: '*', access: 'admin' },
			],
		},
		{ postgres },
	);
	api = createApiClient(gateway);
	const [google, microsoft] = ['google', 'microsoft'].map((slug) => idOf(slug));
	for (let from = 0; from < COUNT; from += 5_000) {
		const batch = Array.from({ length: 5_000 }, (_, index) => record(google, from + index));
		await appendRecords(gateway.store, batch);
	}
	await appendRecords(gateway.store, [record(microsoft, 1)]);
});
afterAll(async () => {
	await gateway.close();
	await postgres.close();
});

const idOf = (slug: string): string => gateway.configuration.snapshots.current().workspaces.get(slug)?.id ?? '';
const AUDIT = '/workspaces/google/audit';
const seqs = (items: readonly Readonly<Record<string, unknown>>[]) => items.map(({ seq }) => Number(seq));
/** The filters of one of the records. */
const minute = (index: number): string => new Date(START + index * 60_000).toISOString();

describe('the audit of a workspace', () => {
	it('is listed newest first, each record with its place and everything its line says', async () => {
		const { json } = await api.ask({ path: `${AUDIT}?to=${minute(COUNT)}&limit=2`, as: 'admins' });
		expect(json.items).toHaveLength(2);
		const last = record(undefined, COUNT - 1);
		const [{ seq, ...first }] = json.items;
		expect(first).toEqual(JSON.parse(last.line));
		expect(Number(seq)).toBeGreaterThanOrEqual(COUNT);
		expect(Number(json.items[1].seq)).toBe(Number(seq) - 1);
	});

	it('is walked page by page without gap or repetition, also while records are added', async () => {
		const path = `${AUDIT}?from=${minute(100)}&to=${minute(400)}&limit=70`;
		const first = await api.ask({ path, as: 'admins' });
		const late = record(idOf('google'), COUNT + 5);
		const line = late.line.replace(late.at, minute(399));
		await appendRecords(gateway.store, [{ ...late, at: minute(399), line }]);
		const items = [...first.json.items];
		for (let next = first.json.next; next !== undefined; ) {
			const { json } = await api.ask({ path: `${path}&cursor=${next}`, as: 'admins' });
			items.push(...json.items);
			next = json.next;
		}
		expect(items).toHaveLength(300);
		expect(seqs(items)).toEqual(seqs(items).toSorted((a, b) => b - a));
		expect(new Set(seqs(items)).size).toBe(300);
	});

	it.each([
		['kind=intent', ({ kind }: RecordToAppend) => kind === 'intent'],
		['outcome=refused', ({ outcome }: RecordToAppend) => outcome === 'refused'],
		['code=PC_TOOL_UNKNOWN&server=jira', ({ code, server }: RecordToAppend) => code !== undefined && server === 'jira'],
		['tool=tool-3', ({ tool }: RecordToAppend) => tool === 'tool-3'],
		['oid=person-2&kind=outcome', ({ oid, kind }: RecordToAppend) => oid === 'person-2' && kind === 'outcome'],
		['request=r-1234', ({ request }: RecordToAppend) => request === 'r-1234'],
		['server=nothing', () => false],
	])('is searched by %s', async (filter, fits) => {
		const span = `from=${minute(1_000)}&to=${minute(1_500)}`;
		const items = await api.all({ path: `${AUDIT}?${span}&limit=200&${filter}`, as: 'admins' });
		const expected = Array.from({ length: 500 }, (_, index) => record(undefined, 1_499 - index)).filter(fits);
		expect(items.map(({ request }) => request)).toEqual(expected.map(({ request }) => request));
	});

	it('has what was changed in it, by whom', async () => {
		const items = await api.all({ path: '/workspaces/microsoft/audit?kind=change', as: 'microsofts' });
		expect(items).toMatchObject([
			{ kind: 'change', actor: 'operator', action: 'grant.create', object: expect.any(String) },
		]);
	});

	it('is for administrators of the workspace alone, and no other workspace’s', async () => {
		expectProblem(await api.ask({ path: AUDIT, as: 'writers' }), 'PC_LEVEL_TOO_LOW');
		expectProblem(await api.ask({ path: AUDIT, as: 'microsofts' }), 'PC_NOT_FOUND');
		expectProblem(await api.ask({ path: '/workspaces/nowhere/audit', as: 'platform' }), 'PC_NOT_FOUND');
		const theirs = await api.all({ path: '/workspaces/microsoft/audit?kind=outcome', as: 'microsofts' });
		expect(theirs.map(({ request }) => request)).toEqual(['r-1']);
		const next = (await api.ask({ path: `${AUDIT}?limit=1`, as: 'platform' })).json.next;
		const other = await api.ask({ path: `/workspaces/microsoft/audit?cursor=${next}`, as: 'platform' });
		expectProblem(other, 'PC_INPUT_INVALID');
	});

	it.each(['from=yesterday', 'oid=%00', 'limit=0', 'kind=', 'cursor=WzFd', 'seq=3'])('refuses %s', async (query) => {
		expectProblem(await api.ask({ path: `${AUDIT}?${query}`, as: 'admins' }), 'PC_INPUT_INVALID');
	});
});

describe('the verification of a chain', () => {
	const verify = (slug: string, query = '') =>
		api.ask({ path: `/workspaces/${slug}/audit/verification${query}`, as: 'platform' });

	it('follows a hundred thousand records, while more of them come', async () => {
		const told = verify('google');
		await appendRecords(gateway.store, [record(idOf('google'), COUNT + 1)]);
		const { status, json } = await told;
		expect(status).toBe(200);
		expect(json).toMatchObject({
			intact: true,
			seq: String(json.records),
			head: expect.stringMatching(/^[0-9a-f]{64}$/),
		});
		expect(json.records).toBeGreaterThanOrEqual(COUNT);
		expect(json.next).toBeUndefined();
	});

	it('goes part by part where it is asked to', async () => {
		await gateway.shipped();
		const { json } = await verify('microsoft', '?limit=1');
		expect(json).toMatchObject({ intact: true, records: 1, seq: '1' });
		const rest = await verify('microsoft', `?cursor=${json.next}`);
		expect(rest.json).toMatchObject({ intact: true, seq: String(rest.json.records + 1) });
		expect(rest.json.next).toBeUndefined();
		const whole = await verify('microsoft');
		expect(whole.json).toEqual({ ...rest.json, records: rest.json.records + 1 });
		expectProblem(await verify('google', `?cursor=${json.next}`), 'PC_INPUT_INVALID');
	});

	it('names the place of a record that was changed in the database', async () => {
		await run(gateway.database.superuser, [
			`update portcullis.audit_event set line = replace(line, 'r-1', 'r-2') where workspace_id = '${idOf('microsoft')}' and seq = 2`,
		]);
		expect((await verify('microsoft')).json).toEqual({ intact: false, records: 1, seq: '2', fault: 'changed' });
	});

	it('of a workspace in which nothing happened is the beginning', async () => {
		await run(gateway.database.superuser, [
			`delete from portcullis.audit_event where workspace_id = '${idOf('empty')}'`,
			`delete from portcullis.audit_chain where workspace_id = '${idOf('empty')}'`,
		]);
		const { json } = await verify('empty');
		expect(json).toEqual({ intact: true, records: 0, seq: '0', head: '0'.repeat(64) });
	});
});

describe('the audit of the platform', () => {
	it('says who crossed workspaces and why, whoever reads it included', async () => {
		const first = await api.ask({ path: '/platform/audit?kind=platform', as: 'platform' });
		const reasons = first.json.items.map(({ reason }: { reason: string }) => reason);
		expect(reasons).toEqual(expect.arrayContaining(['apply-configuration', 'prepare-audit']));
		const { json } = await api.ask({ path: '/platform/audit?oid=0a1b2c3d-person&limit=1', as: 'platform' });
		expect(json.items).toMatchObject([
			{ kind: 'platform', reason: 'read-audit', actor: expect.stringContaining('0a1b2c3d-person') },
		]);
	});

	it('is verified like any other, and for platform administrators alone', async () => {
		const { json } = await api.ask({ path: '/platform/audit/verification', as: 'platform' });
		expect(json).toMatchObject({ intact: true });
		for (const path of ['/platform/audit', '/platform/audit/verification']) {
			expectProblem(await api.ask({ path, as: 'admins' }), 'PC_LEVEL_TOO_LOW');
		}
	});
});

describe('usage', () => {
	const USAGE = '/workspaces/google/usage';

	it('is counted by hour, server and tool, and read page by page', async () => {
		const path = `${USAGE}?from=${minute(0)}&to=${minute(180)}`;
		const items = await api.all({ path: `${path}&limit=10`, as: 'admins' });
		const all = await api.ask({ path: `${path}&limit=200`, as: 'admins' });
		expect(items).toEqual(all.json.items);
		expect(items.reduce((sum, { calls }) => sum + Number(calls), 0)).toBe(180 - 18);
		expect(items[0]).toEqual({
			...{ hour: '2026-11-01T00:00:00.000Z', server: 'files', tool: 'tool-0' },
			...{ calls: expect.any(Number), errors: 0, refusals: 0, durationMs: expect.any(Number) },
		});
	});

	it('is narrowed to a server, and for administrators', async () => {
		const { json } = await api.ask({ path: `${USAGE}?server=jira&to=${minute(60)}`, as: 'admins' });
		expect(new Set(json.items.map(({ server }: { server: string }) => server))).toEqual(new Set(['jira']));
		expectProblem(await api.ask({ path: USAGE, as: 'writers' }), 'PC_LEVEL_TOO_LOW');
		expectProblem(await api.ask({ path: `${USAGE}?cursor=WyIiXQ`, as: 'admins' }), 'PC_INPUT_INVALID');
	});
});
