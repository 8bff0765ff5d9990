import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKeyText } from '../../src/lib/api-key-text.ts';
import { createApiClient } from '../fakes/api-client.ts';
import { legacy, modern, type PlainAnswer, post } from '../fakes/gateway.ts';
import { type ManagedGateway, startManagedGateway } from '../fakes/managed-gateway.ts';
import { deliver } from '../fakes/tenancy-wire.ts';
import { startModernHttp } from '../fakes/upstream.ts';

/** For polling on a machine that is busy with other things. */
const PATIENT = { timeout: 20_000 };

let gateway: ManagedGateway;
let wiki: Awaited<ReturnType<typeof startModernHttp>>;
let mail: Awaited<ReturnType<typeof startModernHttp>>;

beforeAll(async () => {
	wiki = await startModernHttp({ canary: 'GOOGLE-WIKI' });
	mail = await startModernHttp({ canary: 'MICROSOFT-MAIL' });
	gateway = await startManagedGateway({
		workspaces: {
			google: { servers: { wiki: { transport: 'http', url: wiki.url } } },
			microsoft: { servers: { mail: { transport: 'http', url: mail.url } } },
		},
		grants: [{ group: 'ROOT', workspace: '*', access: 'admin' }],
	});
});
afterAll(async () => {
	await gateway.close();
	await wiki.close();
	await mail.close();
});

interface Made {
	readonly id: string;
	readonly key: string;
	readonly path: string;
}

async function make(workspace: string, body: object = {}): Promise<Made> {
	const path = `/workspaces/${workspace}/keys`;
	const says = { kind: 'service', name: 'Nightly', level: 'write', ...body };
	const { status, json, text } = await createApiClient(gateway).ask({ method: 'POST', path, as: 'ROOT', body: says });
	expect(status, text).toBe(201);
	return { id: json.id, key: json.key, path: `${path}/${json.id}` };
}

const withoutRequest = (text: string): string => text.replace(/"request_id":"[^"]*"/, '');

/** Every row of every table, as JSON. */
async function everything(): Promise<string> {
	const client = new pg.Client(gateway.database.superuser);
	await client.connect();
	const { rows: tables } = await client.query<{ name: string }>(
		"select c.oid::regclass::text as name from pg_class c where c.relnamespace = 'portcullis'::regnamespace and c.relkind in ('r', 'p')",
	);
	const rows: string[] = [];
	for (const { name } of tables) {
		const found = await client.query<{ row: string }>(`select row_to_json(t)::text as row from ${name} as t`);
		rows.push(...found.rows.map(({ row }) => row));
	}
	await client.end();
	return rows.join('\n');
}

function filesBelow(folder: string): readonly string[] {
	return readdirSync(folder, { recursive: true, encoding: 'utf8' })
		.map((name) => join(folder, name))
		.filter((path) => statSync(path).isFile())
		.map((path) => readFileSync(path, 'utf8'));
}

interface Stream {
	readonly ended: Promise<unknown>;
}

/** A stream without end; resolves when its first event is there. */
async function openStream(key: string): Promise<Stream> {
	const { body, headers } = modern('subscriptions/listen', { notifications: { toolsListChanged: true } });
	const accept = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
	return new Promise((resolve, reject) => {
		const ended: Promise<unknown> = deliver(`${gateway.url}/w/google/s/wiki/mcp`, {
			headers: { ...accept, ...headersFor(key), ...headers },
			body: JSON.stringify(body),
			onText: (text) => (text.includes('"error"') ? reject(new Error(text)) : resolve({ ended })),
		});
	});
}

const headersFor = (key: string) => ({ authorization: `Bearer ${key}` });

function echo(key: string, path = '/w/google/s/wiki/mcp', name = 'echo', url = gateway.url): Promise<PlainAnswer> {
	const { body, headers } = modern('tools/call', { name, arguments: { text: 'hello' } });
	return post(url + path, body, { ...headersFor(key), ...headers });
}

const endOf = ({ json }: PlainAnswer): string => json.result?.content[0].text ?? json.error.data.code;

async function change(method: 'PATCH' | 'DELETE', { path }: Made, body?: object): Promise<void> {
	const told = await createApiClient(gateway).ask({ method, path, as: 'ROOT', body, headers: { 'if-match': '*' } });
	expect(told.status, told.text).toBeLessThan(300);
}

describe('a key of one workspace', () => {
	it('reaches its workspace at every address, and nothing of another at any', async () => {
		const { key } = await make('google', { level: 'admin' });
		for (const [path, name] of [
			['/w/google/s/wiki/mcp', 'echo'],
			['/w/google/mcp', 'wiki__echo'],
			['/mcp', 'google__wiki__echo'],
		] as const) {
			expect(endOf(await echo(key, path, name)), path).toBe('GOOGLE-WIKI: hello');
		}
		for (const [path, name, code] of [
			['/w/microsoft/s/mail/mcp', 'echo', 'PC_ADDRESS_UNKNOWN'],
			['/w/microsoft/mcp', 'mail__echo', 'PC_ADDRESS_UNKNOWN'],
			['/mcp', 'microsoft__mail__echo', 'PC_TOOL_UNKNOWN'],
		] as const) {
			const told = await echo(key, path, name);
			expect(endOf(told), path).toBe(code);
			const nowhere = await echo(key, path.replace('microsoft', 'nonesuch'), name.replace('microsoft', 'nonesuch'));
			expect(withoutRequest(told.text)).toBe(withoutRequest(nowhere.text));
		}
		const all = await post(`${gateway.url}/mcp`, legacy('tools/list'), headersFor(key));
		expect(all.text).toContain('google__wiki__echo');
		expect(all.text).not.toContain('microsoft');
	});

	it('is refused alike when it is mistyped, unknown or revoked', async () => {
		const made = await make('google');
		expect(endOf(await echo(made.key))).toBe('GOOGLE-WIKI: hello');
		await change('DELETE', made);
		const refusals = [made.key, createKeyText(), `${made.key}x`, 'pc_'].map((key) => echo(key));
		for (const { status, headers, json } of await Promise.all(refusals)) {
			expect({ status, code: json.error.data.code }).toEqual({ status: 401, code: 'PC_KEY_INVALID' });
			expect(headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_token"/);
		}
	});

	it('comes from its networks alone, and the audit alone says that this was it', async () => {
		const here = await make('google', { networks: ['127.0.0.0/8', '::1'] });
		const elsewhere = await make('google', { networks: ['10.0.0.0/8', '2001:db8::/32'] });
		expect(endOf(await echo(here.key))).toBe('GOOGLE-WIKI: hello');
		const told = await echo(elsewhere.key);
		expect(endOf(told)).toBe('PC_KEY_INVALID');
		await gateway.shipped();
		const client = createApiClient(gateway);
		const request = told.json.error.data.request_id;
		const { json } = await client.ask({ path: `/workspaces/google/audit?request=${request}`, as: 'ROOT' });
		const platform = await client.ask({ path: `/platform/audit?request=${request}`, as: 'ROOT' });
		expect([...json.items, ...platform.json.items]).toMatchObject([{ code: 'PC_KEY_INVALID', detail: 'network' }]);
	});

	it('is named in the audit by its id', async () => {
		const { id, key } = await make('google');
		const { body, headers } = modern('tools/call', { name: 'echo', arguments: { text: 'x' } });
		const told = await post(`${gateway.url}/w/google/s/wiki/mcp`, body, { ...headersFor(key), ...headers });
		await gateway.shipped();
		const path = `/workspaces/google/audit?request=${told.headers.get('x-request-id')}`;
		const { items } = (await createApiClient(gateway).ask({ path, as: 'ROOT' })).json;
		const intent = items.find(({ kind }: { kind: string }) => kind === 'intent');
		expect(intent).toMatchObject({ vouchedBy: `api-key:${id}`, principal: { issuer: 'api-key', oid: id } });
	});
});

describe('the text of a key', () => {
	it('is in no table, record, log, metric, file or answer but the one that showed it', async () => {
		const { key, path } = await make('google', { networks: ['127.0.0.1'] });
		const secret = key.slice(12, 40);
		await echo(key);
		await echo(key, '/w/microsoft/mcp', 'mail__echo');
		await echo(`${key}0`);
		await post(`${gateway.url}/w/google/mcp`, '{"broken', headersFor(key));
		await gateway.shipped();
		const read = await createApiClient(gateway).ask({ path, as: 'ROOT' });
		expect(read.text).not.toContain(secret);
		const metrics = await (await fetch(`${gateway.operatorUrl}/metrics`)).text();
		expect(metrics).toContain('portcullis');
		const rows = await everything();
		// The control: what is looked through has the key's record in it.
		expect(rows).toContain('"prefix":"pc_');
		expect(rows).toContain(`"key.create"`.slice(1, -1));
		for (const text of [metrics, rows, ...filesBelow(gateway.folder)]) expect(text.includes(secret)).toBe(false);
	});
});

describe('what is taken away', () => {
	it('is gone at every gateway over the same database, by itself', async () => {
		const made = await make('google');
		const other = await startManagedGateway({}, { beside: gateway });
		try {
			expect(endOf(await echo(made.key, undefined, undefined, other.url))).toBe('GOOGLE-WIKI: hello');
			await change('DELETE', made);
			await expect
				.poll(async () => endOf(await echo(made.key, undefined, undefined, other.url)), PATIENT)
				.toBe('PC_KEY_INVALID');
		} finally {
			await other.close();
		}
	});

	it('ends the streams of the key that says something else now, and of no other caller', async () => {
		const [revoked, narrowed, renamed, other] = [
			await make('google'),
			await make('google'),
			await make('google'),
			await make('google'),
		];
		const streams = await Promise.all([revoked, narrowed, renamed, other].map(({ key }) => openStream(key)));
		const ended = streams.map(() => false);
		for (const [index, stream] of streams.entries()) void stream.ended.then(() => (ended[index] = true));
		await change('DELETE', revoked);
		await change('PATCH', narrowed, { level: 'read' });
		await change('PATCH', renamed, { name: 'Another name' });
		await expect.poll(() => ended, PATIENT).toEqual([true, true, false, false]);
		await change('PATCH', renamed, { servers: ['wiki'] });
		await expect.poll(() => ended, PATIENT).toEqual([true, true, true, false]);
		await change('DELETE', other);
		await expect.poll(() => ended, PATIENT).toEqual([true, true, true, true]);
	});
});

describe('many keys and people at once', () => {
	it('never reach anything of another workspace', async () => {
		const keys = await Promise.all(
			Array.from({ length: 12 }, (_, index) =>
				make(index % 2 === 0 ? 'google' : 'microsoft', { name: `Key ${index}` }),
			),
		);
		const places = {
			google: ['/w/google/s/wiki/mcp', 'GOOGLE-WIKI'],
			microsoft: ['/w/microsoft/s/mail/mcp', 'MICROSOFT-MAIL'],
		} as const;
		const rounds = Array.from({ length: 600 }, async (_, index) => {
			const own = index % 2 === 0 ? 'google' : 'microsoft';
			const asked = index % 3 === 0 ? (own === 'google' ? 'microsoft' : 'google') : own;
			const [path, mark] = places[asked];
			const text = `call ${index}`;
			const { body, headers } = modern('tools/call', { name: 'echo', arguments: { text } }, index);
			const { key } = keys[index % keys.length] as Made;
			const told = await post(gateway.url + path, body, { ...headersFor(key), ...headers });
			const expected = asked === own ? `${mark}: ${text}` : 'PC_ADDRESS_UNKNOWN';
			return endOf(told) === expected ? [] : [`${index}: ${told.text}`];
		});
		expect((await Promise.all(rounds)).flat()).toEqual([]);
		const metrics = await (await fetch(`${gateway.operatorUrl}/metrics`)).text();
		expect(metrics).toMatch(/^portcullis_tripwire_total 0$/m);
	});
});
