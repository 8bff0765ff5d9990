import pg from 'pg';
import { expect, it } from 'vitest';
import type { Method } from '../../src/admin/route.ts';
import type { ErrorCode } from '../../src/errors/table.ts';
import type { ApiTold } from '../fakes/admin-plane.ts';
import { legacy, post } from '../fakes/gateway.ts';
import { type ManagedGateway, startManagedGateway } from '../fakes/managed-gateway.ts';
import type { TestPostgres } from '../fakes/postgres.ts';

/** Two workspaces, and groups named for what they hold. */
export const ADMIN_CONFIG = {
	workspaces: { google: { title: 'Google', servers: {} }, microsoft: { servers: {} } },
	grants: [
		{ group: 'platform', workspace: '*', access: 'admin' },
		{ group: 'admins', workspace: 'google', access: 'admin' },
		{ group: 'writers', workspace: 'google', access: 'write' },
		{ group: 'readers', workspace: 'google', access: 'read' },
		{ group: 'elsewhere', workspace: 'microsoft', access: 'admin' },
	],
};

/** What a request says besides its method and path. */
export interface Said {
	/** Group of whoever asks; `operator`: the gateway's own command line. */
	readonly as?: string;
	readonly body?: unknown;
	readonly headers?: Readonly<Record<string, string>>;
	/** If-Match. */
	readonly match?: string;
}

/** A gateway and somebody to ask it. */
export interface AdminStage {
	readonly gateway: ManagedGateway;
	ask(method: Method, path: string, said?: Said): Promise<ApiTold>;
	/** Names of the tools at an address, as somebody in this group; or the code of the refusal. */
	tools(path: string, group: string, claims?: Readonly<Record<string, unknown>>): Promise<readonly string[] | string>;
	/** Text of a tool's result, or the code of the refusal. */
	call(path: string, group: string, name: string): Promise<string>;
	/** Runs a statement as superuser. */
	sql(text: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
	/** Records of changes so far, of all chains, oldest first. */
	records(): Promise<readonly Readonly<Record<string, unknown>>[]>;
	/** While `act` runs no record of a change can be kept. */
	withoutAudit<T>(act: () => Promise<T>): Promise<T>;
	close(): Promise<void>;
}

/** Starts a gateway whose management API is tried. */
export async function openAdminStage(
	postgres: TestPostgres,
	config: Readonly<Record<string, unknown>> = ADMIN_CONFIG,
	secrets: NodeJS.ProcessEnv = {},
): Promise<AdminStage> {
	const gateway = await startManagedGateway(config, { postgres, secrets });
	const operator = gateway.app.operatorApi();
	await operator.ready();
	const client = new pg.Client(gateway.database.superuser);
	await client.connect();
	const sql: AdminStage['sql'] = async (text) => (await client.query(text)).rows;
	const bearer = (group: string, claims = {}) => ({ authorization: `Bearer ${gateway.tokenFor([group], claims)}` });
	const told = (status: number, headers: Readonly<Record<string, unknown>>, text: string): ApiTold => {
		return { status, headers, text, json: text === '' ? undefined : JSON.parse(text) };
	};
	return {
		gateway,
		sql,
		async ask(method, path, { as = 'admins', body, headers = {}, match } = {}) {
			const sent = {
				...(body !== undefined && { 'content-type': 'application/json' }),
				...(match !== undefined && { 'if-match': match }),
				...headers,
			};
			const payload = typeof body === 'string' ? body : JSON.stringify(body);
			if (as === 'operator') {
				const url = `/api/v1${path}`;
				const answer = await operator.ask({ method, url, headers: sent, ...(body !== undefined && { payload }) });
				return told(answer.status, answer.headers, answer.text);
			}
			const url = `${gateway.url}/api/v1${path}`;
			const response = await fetch(url, { method, headers: { ...bearer(as), ...sent }, body: payload ?? null });
			return told(response.status, Object.fromEntries(response.headers), await response.text());
		},
		async tools(path, group, claims) {
			const { json } = await post(gateway.url + path, legacy('tools/list'), bearer(group, claims));
			return json.result?.tools.map(({ name }: { name: string }) => name) ?? json.error.data.code;
		},
		async call(path, group, name) {
			const params = { name, arguments: { text: 'hello' } };
			const { json } = await post(gateway.url + path, legacy('tools/call', params), bearer(group));
			return json.result?.content[0].text ?? json.error.data.code;
		},
		async records() {
			const rows = await sql(
				`select w.slug, e.line from portcullis.audit_event e left join portcullis.workspace w using (workspace_id)
				 where e.kind = 'change' order by e.at, e.seq`,
			);
			return rows.map(({ slug, line }) => ({ chain: slug ?? 'platform', ...JSON.parse(line as string) }));
		},
		async withoutAudit(act) {
			await sql(
				`create function portcullis.refuse() returns trigger language plpgsql as 'begin raise exception ''full''; end';
				 create trigger refuse before insert on portcullis.audit_event for each row when (new.kind = 'change')
					execute function portcullis.refuse()`,
			);
			try {
				return await act();
			} finally {
				await sql('drop trigger refuse on portcullis.audit_event; drop function portcullis.refuse()');
			}
		},
		async close() {
			await client.end();
			await operator.close();
			await gateway.close();
		},
	};
}

/** Expects a refusal, and nothing but its code of what was sent. */
export function expectRefused(told: ApiTold, code: ErrorCode): void {
	expect(`${told.json?.code} ${told.status}`, told.text).toMatch(new RegExp(`^${code} `));
}

/** Everybody who may not manage what is in `google`. */
export const OTHERS = [
	['elsewhere', 'PC_NOT_FOUND'],
	['nobodies', 'PC_NOT_FOUND'],
	['readers', 'PC_LEVEL_TOO_LOW'],
	['writers', 'PC_LEVEL_TOO_LOW'],
] as const;

/** How one kind of resource is made and changed; the n-th is another than the m-th. */
export interface ResourceSpec {
	/** Of its records: `grant`. */
	readonly kind: string;
	readonly table: string;
	readonly listPath: string;
	/** Who may; others of the same company may not. */
	readonly as: string;
	/** Who may not, and what they are told; where changes are refused otherwise, that too. */
	readonly others: readonly (readonly [group: string, code: ErrorCode, ofChange?: ErrorCode])[];
	make(n: number): { readonly method: 'POST' | 'PUT'; readonly path: string; readonly body: Record<string, unknown> };
	/** How one is changed; `undefined`: not at all. */
	readonly change: { readonly method: 'PATCH' | 'PUT'; readonly body: Record<string, unknown> } | undefined;
	/** What a list says of one; `undefined`: everything. */
	listedAs?(json: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>;
	/** Chain of its records; `its own`: records of changes go with it, the others stay with the platform. */
	readonly chain: 'google' | 'platform' | 'its own';
}

const ABSENT = { 'if-none-match': '*' };

/** What every resource does, tried with one of them. The n from 1 to 99 are taken. */
export function describeConventions(stageOf: () => AdminStage, spec: ResourceSpec): void {
	const { kind, as, change, listPath } = spec;
	const headersOf = (method: string) => (method === 'PUT' ? ABSENT : {});
	const make = async (n: number, said: Said = {}) => {
		const { method, path, body } = spec.make(n);
		return stageOf().ask(method, path, { as, body, headers: headersOf(method), ...said });
	};
	const made = async (n: number): Promise<{ readonly at: string; readonly told: ApiTold }> => {
		const told = await make(n);
		expect(told.status, told.text).toBe(201);
		return { at: String(told.headers['location']).replace('/api/v1', ''), told };
	};
	const ask: AdminStage['ask'] = (method, path, said) => stageOf().ask(method, path, { as, ...said });
	const listed = async (): Promise<string> => (await ask('GET', `${listPath}?limit=200`)).text;

	it('is made, read, changed and removed, each with a record of who did it', async () => {
		const before = (await stageOf().records()).length;
		const { at, told } = await made(1);
		expect(told.headers['etag']).toBe('"1"');
		const read = await ask('GET', at);
		expect(read.json).toEqual(told.json);
		expect(read.headers['etag']).toBe('"1"');
		expect(JSON.parse(await listed()).items).toContainEqual(
			expect.objectContaining(spec.listedAs?.(told.json) ?? told.json),
		);
		let etag = '"1"';
		if (change !== undefined) {
			const changed = await ask(change.method, at, { body: change.body, match: etag });
			expect(changed.status, changed.text).toBe(200);
			expect(changed.json).toMatchObject({ ...change.body, version: 2 });
			expect((await ask('GET', at)).json).toEqual(changed.json);
			etag = String(changed.headers['etag']);
		}
		expect((await ask('DELETE', at, { match: etag })).status).toBe(204);
		expectRefused(await ask('GET', at), 'PC_NOT_FOUND');
		const records = (await stageOf().records()).slice(before);
		const updates = change === undefined || spec.chain === 'its own' ? [] : ['update'];
		const actions = ['create', ...updates, 'delete'];
		expect(records.map(({ action }) => action)).toEqual(actions.map((action) => `${kind}.${action}`));
		const { issuer, tenantId } = stageOf().gateway.directory.directory;
		for (const { actor, object, chain } of records) {
			expect(actor).toBe(JSON.stringify([issuer, tenantId, '0a1b2c3d-person']));
			expect(object).toBe(records[0]?.['object']);
			expect(chain).toBe(spec.chain === 'google' ? 'google' : 'platform');
		}
	});

	it('is changed only by those who say which version they mean', async () => {
		const { at, told } = await made(2);
		const ways = [...(change === undefined ? [] : [change]), { method: 'DELETE' as const, body: undefined }];
		for (const { method, body } of ways) {
			expectRefused(await ask(method, at, { body }), 'PC_IF_MATCH_MISSING');
			for (const match of ['"2"', '"0"', 'W/"1"']) {
				expectRefused(await ask(method, at, { body, match }), 'PC_IF_MATCH_STALE');
			}
			expectRefused(await ask(method, at, { body, headers: ABSENT }), 'PC_IF_MATCH_STALE');
		}
		expect((await ask('GET', at)).json).toEqual(told.json);
		expect((await ask('DELETE', at, { match: '*' })).status).toBe(204);
		expectRefused(await ask('DELETE', at, { match: '*' }), 'PC_NOT_FOUND');
	});

	it('is changed by one of many who mean the same version', async () => {
		const { at } = await made(3);
		if (change !== undefined) {
			const many = Array.from({ length: 10 }, () => ask(change.method, at, { body: change.body, match: '"1"' }));
			const statuses = (await Promise.all(many)).map(({ status }) => status).sort();
			expect(statuses).toEqual([200, ...Array.from({ length: 9 }, () => 412)]);
		}
		const many = await Promise.all(Array.from({ length: 5 }, () => ask('DELETE', at, { match: '*' })));
		expect(many.map(({ status }) => status).sort()).toEqual([204, 404, 404, 404, 404]);
	});

	it('is made once for a key, and once for what makes it itself', async () => {
		const before = await listed();
		const again = { headers: { 'idempotency-key': `${kind}-4` } };
		const { method } = spec.make(4);
		const told = await Promise.all(Array.from({ length: 50 }, () => make(4, method === 'PUT' ? {} : again)));
		const statuses = told.map(({ status }) => status);
		if (method === 'PUT') {
			expect(statuses.sort()).toEqual([201, ...Array.from({ length: 49 }, () => 412)]);
			const location = told.find(({ status }) => status === 201)?.headers['location'];
			await ask('DELETE', String(location).replace('/api/v1', ''), { match: '*' });
		} else {
			expect(new Set(statuses)).toEqual(new Set([201]));
			expect(new Set(told.map(({ text }) => text)).size).toBe(1);
			expect(told.filter(({ headers }) => headers['idempotency-replayed'] === 'true')).toHaveLength(49);
			expectRefused(await make(5, again), 'PC_IDEMPOTENCY_KEY_REUSED');
			expectRefused(await make(4), 'PC_CONFLICT');
			await ask('DELETE', String(told[0]?.headers['location']).replace('/api/v1', ''), { match: '*' });
		}
		expect(await listed()).toBe(before);
	});

	it('is out of reach for everybody else', async () => {
		const { at } = await made(6);
		const { method, path, body } = spec.make(7);
		const before = await listed();
		for (const [who, code, ofChange = code] of spec.others) {
			expectRefused(await ask(method, path, { as: who, body, headers: headersOf(method) }), code);
			expectRefused(await ask('DELETE', at, { as: who, match: '*' }), code);
			if (change === undefined) continue;
			expectRefused(await ask(change.method, at, { as: who, body: change.body, match: '*' }), ofChange);
		}
		expect(await listed()).toBe(before);
		await ask('DELETE', at, { match: '*' });
	});

	it('takes no members that are not for callers to set', async () => {
		const { at } = await made(8);
		const before = await listed();
		const alien = {
			...{ id: '00000000-0000-4000-8000-000000000001', workspaceId: '00000000-0000-4000-8000-000000000001' },
			...{ workspace_id: 'x', managedBy: 'api', managed_by: 'api', version: 1, createdAt: 'x', updatedAt: 'x' },
			...{ configVersion: 1, catalogueId: 'x', workspace: '*', actor: 'operator', constructor: {} },
		};
		for (const [name, value] of Object.entries(alien)) {
			const { method, path, body } = spec.make(9);
			const told = await ask(method, path, { body: { ...body, [name]: value }, headers: headersOf(method) });
			expectRefused(told, 'PC_INPUT_INVALID');
			expect(told.json.errors).toContainEqual({ path: `body.${name}`, message: 'is not known here' });
			if (change === undefined) continue;
			const changed = { ...change.body, [name]: value };
			expectRefused(await ask(change.method, at, { body: changed, match: '*' }), 'PC_INPUT_INVALID');
		}
		expect(await listed()).toBe(before);
		await ask('DELETE', at, { match: '*' });
	});

	it('is left alone where the configuration file manages it', async () => {
		const { at } = await made(10);
		const { sql } = stageOf();
		await sql(
			`update portcullis.${spec.table} set managed_by = 'file' where version = 1 and created_at > now() - '1s'::interval`,
		);
		const before = await ask('GET', at);
		expect(before.json.managedBy).toBe('file');
		if (change !== undefined) {
			expectRefused(await ask(change.method, at, { body: change.body, match: '*' }), 'PC_FILE_MANAGED');
		}
		expectRefused(await ask('DELETE', at, { match: '*' }), 'PC_FILE_MANAGED');
		expect((await ask('GET', at)).text).toBe(before.text);
		await sql(`update portcullis.${spec.table} set managed_by = 'api' where managed_by = 'file'`);
		expect((await ask('DELETE', at, { match: '*' })).status).toBe(204);
	});

	it('is left as it was when there can be no record of the change', async () => {
		const { at } = await made(11);
		const before = await listed();
		const key = { 'idempotency-key': `${kind}-12` };
		await stageOf().withoutAudit(async () => {
			const lost = await make(12, { headers: { ...key, ...headersOf(spec.make(12).method) } });
			expectRefused(lost, 'PC_INTERNAL');
			if (change !== undefined) {
				expectRefused(await ask(change.method, at, { body: change.body, match: '*' }), 'PC_INTERNAL');
			}
			expectRefused(await ask('DELETE', at, { match: '*' }), 'PC_INTERNAL');
		});
		expect(await listed()).toBe(before);
		const told = await make(12, { headers: { ...key, ...headersOf(spec.make(12).method) } });
		expect(told.status, told.text).toBe(201);
		await ask('DELETE', String(told.headers['location']).replace('/api/v1', ''), { match: '*' });
		await ask('DELETE', at, { match: '*' });
	});

	it('is listed page by page, each once', async () => {
		const places = [];
		for (const n of [20, 21, 22, 23, 24]) places.push((await made(n)).at);
		const all = JSON.parse(await listed()).items;
		const seen: unknown[] = [];
		let path = `${listPath}?limit=2`;
		for (;;) {
			const { json } = await ask('GET', path);
			expect(json.items.length).toBeLessThanOrEqual(2);
			seen.push(...json.items);
			if (json.next === undefined) break;
			path = `${listPath}?limit=2&cursor=${json.next}`;
		}
		expect(seen).toEqual(all);
		expect(seen.length).toBeGreaterThanOrEqual(5);
		for (const at of places) expect((await ask('DELETE', at, { match: '*' })).status).toBe(204);
	});
}

/** Texts of a member around its limit: `most - 1` and `most` characters are taken, one more is not. */
export async function expectLimit(most: number, send: (text: string) => Promise<ApiTold>): Promise<void> {
	for (const length of [most - 1, most]) {
		const told = await send('x'.repeat(length));
		expect(told.status, `${length}: ${told.text}`).toBeLessThan(300);
	}
	for (const text of ['x'.repeat(most + 1), 'a\0b', 'half \ud800']) expectRefused(await send(text), 'PC_INPUT_INVALID');
}
