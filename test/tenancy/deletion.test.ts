import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { legacy, modern, post } from '../fakes/gateway.ts';
import { type ManagedGateway, startManagedGateway } from '../fakes/managed-gateway.ts';
import { startModernHttp, stdioServer } from '../fakes/upstream.ts';

/** In everything that belongs to the workspace that goes; nothing else has it. */
const CANARY = 'canary-5f1c2a';
const OTHER = 'stays-77e0';

let gateway: ManagedGateway;
let upstream: Awaited<ReturnType<typeof startModernHttp>>;

const workspaceWith = (mark: string, url: string) => ({
	title: `Title ${mark}`,
	servers: {
		[`http-${mark}`]: {
			transport: 'http',
			title: `Server ${mark}`,
			url: `${url}?mark=${mark}`,
			headers: { 'x-mark': mark, 'x-api-key': '${env:KEY}' },
			tools: { rules: { echo: { readable: true, description: `Described ${mark}` } } },
		},
		child: { transport: 'stdio', ...stdioServer({ canary: mark }), env: { MARK: mark } },
	},
	toolsets: { [`set-${mark}`]: { title: `Set ${mark}`, tools: ['child/echo'] } },
	members: [{ oid: `person-${mark}`, access: 'read', name: `Name ${mark}` }],
});

beforeAll(async () => {
	upstream = await startModernHttp({ canary: 'UP' });
	gateway = await startManagedGateway(
		{
			workspaces: { goes: workspaceWith(CANARY, upstream.url), stays: workspaceWith(OTHER, upstream.url) },
			grants: [
				{ group: `Group-${CANARY}`, workspace: 'goes', access: 'admin' },
				{ group: `Group-${OTHER}`, workspace: 'stays', access: 'admin' },
				{ group: 'ROOT', workspace: '*', access: 'admin' },
			],
		},
		{ secrets: { KEY: 'k' } },
	);
});
afterAll(async () => {
	await gateway.close();
	await upstream.close();
});

const bearer = (group: string): Record<string, string> => ({ authorization: `Bearer ${gateway.tokenFor([group])}` });

async function use(workspace: string, mark: string): Promise<readonly number[]> {
	const as = bearer(`Group-${mark}`);
	const { body, headers } = modern('tools/call', { name: 'echo', arguments: { text: mark } });
	const answers = [
		await post(`${gateway.url}/w/${workspace}/s/http-${mark}/mcp`, body, { ...as, ...headers }),
		await post(
			`${gateway.url}/w/${workspace}/s/child/mcp`,
			legacy('tools/call', { name: 'echo', arguments: { text: mark } }),
			as,
		),
		await post(`${gateway.url}/w/${workspace}/t/set-${mark}/mcp`, legacy('tools/list'), as),
	];
	return answers.map(({ status }) => status);
}

async function makeKey(workspace: string, mark: string): Promise<void> {
	const headers = { ...bearer(`Group-${mark}`), 'content-type': 'application/json' };
	const body = JSON.stringify({ kind: 'service', name: `Key ${mark}`, level: 'read' });
	const made = await fetch(`${gateway.url}/api/v1/workspaces/${workspace}/keys`, { method: 'POST', headers, body });
	expect(made.status).toBe(201);
}

/** Every table and column of the database in which a text occurs. */
async function placesInDatabase(text: string): Promise<readonly string[]> {
	const client = new pg.Client(gateway.database.superuser);
	await client.connect();
	const { rows: tables } = await client.query<{ name: string }>(
		"select c.oid::regclass::text as name from pg_class c where c.relnamespace = 'portcullis'::regnamespace and c.relkind in ('r', 'p')",
	);
	const found: string[] = [];
	for (const { name } of tables) {
		const { rows } = await client.query(`select 1 from ${name} as t where t::text like '%' || $1 || '%' limit 1`, [
			text,
		]);
		if (rows.length > 0) found.push(name);
	}
	await client.end();
	return found.sort();
}

/** What is left, for whoever has to find out why. */
async function rowsWith(text: string): Promise<readonly string[]> {
	const client = new pg.Client(gateway.database.superuser);
	await client.connect();
	const rows: string[] = [];
	for (const name of await placesInDatabase(text)) {
		const found = await client.query<{ row: string }>(
			`select t::text as row from ${name} as t where t::text like '%' || $1 || '%'`,
			[text],
		);
		rows.push(...found.rows.map(({ row }) => `${name}: ${row}`));
	}
	await client.end();
	return rows;
}

function filesWith(folder: string, text: string): readonly string[] {
	return readdirSync(folder, { recursive: true, encoding: 'utf8' })
		.map((name) => join(folder, name))
		.filter((path) => statSync(path).isFile() && readFileSync(path).includes(text));
}

async function childrenWith(text: string): Promise<readonly string[]> {
	return readdirSync('/proc')
		.filter((name) => /^\d+$/.test(name))
		.filter((pid) => {
			try {
				return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`MARK=${text}`);
			} catch {
				return false;
			}
		});
}

const soon = async (isThere: () => Promise<boolean>): Promise<void> => {
	while (!(await isThere())) await new Promise((resolve) => setTimeout(resolve, 50));
};

describe('a workspace that is deleted', () => {
	it('leaves nothing: no row, no record, no file, no child, no cached state, and others have all of theirs', async () => {
		expect(await use('goes', CANARY)).toEqual([200, 200, 200]);
		expect(await use('stays', OTHER)).toEqual([200, 200, 200]);
		await makeKey('goes', CANARY);
		await makeKey('stays', OTHER);
		await gateway.shipped();
		// Positive control: it is everywhere it can be.
		const tables = [
			'api_key',
			'audit_event',
			'grant_rule',
			'membership',
			'server',
			'tool_rule',
			'toolset',
			'usage_hour',
			'workspace',
		];
		for (const table of tables) expect(await placesInDatabase(CANARY)).toContain(`portcullis.${table}`);
		expect(await childrenWith(CANARY)).toHaveLength(1);
		const before = await placesInDatabase(OTHER);

		const root = bearer('ROOT');
		const there = await fetch(`${gateway.url}/api/v1/workspaces/goes`, { headers: root });
		const headers = { ...root, 'if-match': there.headers.get('etag') ?? '' };
		const gone = await fetch(`${gateway.url}/api/v1/workspaces/goes`, { method: 'DELETE', headers });
		expect(gone.status).toBe(204);

		await soon(async () => (await childrenWith(CANARY)).length === 0);
		await gateway.shipped();
		expect(await rowsWith(CANARY)).toEqual([]);
		expect(filesWith(gateway.folder, CANARY)).toEqual([]);
		const { snapshots } = gateway.configuration;
		expect(
			JSON.stringify(snapshots.current(), (_, value) => (value instanceof Map ? [...value] : value)),
		).not.toContain(CANARY);
		const metrics = await (await fetch(`${gateway.operatorUrl}/metrics`)).text();
		expect(metrics).not.toContain(CANARY);

		expect(await placesInDatabase(OTHER)).toEqual(before);
		// Last, for what callers write into an address is recorded as theirs.
		expect(await use('goes', CANARY)).toEqual([404, 404, 404]);
		expect(await use('stays', OTHER)).toEqual([200, 200, 200]);
	});

	it('that was made with an Idempotency-Key is not kept in the answer either', async () => {
		const headers = { ...bearer('ROOT'), 'content-type': 'application/json', 'idempotency-key': 'k-1' };
		const body = JSON.stringify({ slug: 'brief', title: `Brief ${CANARY}` });
		const made = await fetch(`${gateway.url}/api/v1/workspaces`, { method: 'POST', headers, body });
		expect(made.status).toBe(201);
		expect(await placesInDatabase(CANARY)).toContain('portcullis.idempotency_key');
		const gone = await fetch(`${gateway.url}/api/v1/workspaces/brief`, {
			method: 'DELETE',
			headers: { ...bearer('ROOT'), 'if-match': '*' },
		});
		expect(gone.status).toBe(204);
		expect(await rowsWith(`Brief ${CANARY}`)).toEqual([]);
	});
});
