import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { legacy, modern, post } from '../fakes/gateway.ts';
import { type ManagedGateway, startManagedGateway } from '../fakes/managed-gateway.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { readStdioLog, startModernHttp, stdioServer } from '../fakes/upstream.ts';

// Two workspaces and their people call the same upstream, each with a credential that the gateway keeps.

/** For what has to happen within five seconds, on a machine that is busy with other things. */
const SOON = { timeout: 5_000 };
const LINK = 'https://gateway.example/connect';

let postgres: TestPostgres;
let upstream: Awaited<ReturnType<typeof startModernHttp>>;
let gateway: ManagedGateway;
let other: ManagedGateway;
let folder: string;

const serversAt = (url: string, workspace: string) => ({
	either: {
		transport: 'http',
		url,
		credential: 'principal-or-workspace',
		headers: { authorization: 'Token token=${secret:token}', 'x-org': 'org ${secret:org}' },
	},
	own: { transport: 'http', url, credential: 'principal', headers: { authorization: 'Bearer ${secret:token}' } },
	shared: { transport: 'http', url: `${url}?key=\${secret:key}` },
	plain: { transport: 'http', url, credential: 'none' },
	child: {
		transport: 'stdio',
		...stdioServer({ canary: workspace, logPath: join(folder, `${workspace}.log`) }),
		credential: 'principal',
		env: { TOKEN: '${secret:token}' },
	},
});

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-kept-'));
	postgres = await startTestPostgres('embedded');
	upstream = await startModernHttp({ canary: 'UP' });
	gateway = await startManagedGateway(
		{
			publicUrl: 'https://gateway.example',
			hosts: ['127.0.0.1'],
			workspaces: {
				google: { servers: serversAt(upstream.url, 'google') },
				microsoft: { servers: serversAt(upstream.url, 'microsoft') },
			},
			grants: [
				{ group: 'google', workspace: 'google', access: 'write' },
				{ group: 'microsoft', workspace: 'microsoft', access: 'write' },
				{ group: 'root', workspace: '*', access: 'admin' },
			],
		},
		{ postgres },
	);
	other = await startManagedGateway({}, { beside: gateway });
});
afterAll(async () => {
	await other.close();
	await gateway.close();
	await upstream.close();
	await postgres.close();
	rmSync(folder, { recursive: true });
});

interface Person {
	readonly oid: string;
	readonly group: string;
}

const ROOT: Person = { oid: 'root', group: 'root' };
const ADA: Person = { oid: 'ada', group: 'google' };
const BEN: Person = { oid: 'ben', group: 'google' };
const MIA: Person = { oid: 'mia', group: 'microsoft' };

const as = ({ oid, group }: Person) => ({ authorization: `Bearer ${gateway.tokenFor([group], { oid })}` });

async function api(person: Person, method: string, path: string, body?: object) {
	const headers = {
		...as(person),
		...(body && { 'content-type': 'application/json' }),
		...(method === 'PUT' && { 'if-none-match': '*' }),
		...(method === 'DELETE' && { 'if-match': '*' }),
	};
	const response = await fetch(`${gateway.url}/api/v1${path}`, {
		...{ method, headers },
		body: body === undefined ? null : JSON.stringify(body),
	});
	const text = await response.text();
	return { status: response.status, text, json: text === '' ? undefined : JSON.parse(text) };
}

const keep = async (person: Person, at: string, values: Readonly<Record<string, string>>): Promise<void> => {
	const told = await api(person, 'PUT', at, { values });
	expect(told.status, told.text).toBe(201);
	for (const name of ['token', 'key']) if (values[name] !== undefined) expect(told.text).not.toContain(values[name]);
};

/** Calls `echo` at a server's own address; the text of the result, or the answer's error. */
async function use(person: Person, server: string, gate = gateway, workspace = person.group): Promise<string> {
	const { body, headers } = modern('tools/call', { name: 'echo', arguments: { text: 'hello' } });
	const at = `${gate.url}/w/${workspace}/s/${server}/mcp`;
	const { json, text } = await post(at, body, { ...as(person), ...headers });
	return json?.result?.content?.[0].text ?? json?.error?.data?.code ?? text;
}

/** Header and path of the last call that the upstream saw. */
const lastSeen = () => {
	const { headers, path } = upstream.seen.filter(({ method }) => method === 'tools/call').at(-1)!;
	return { authorization: headers.authorization, org: headers['x-org'], path };
};

describe('a kept credential', () => {
	beforeAll(async () => {
		for (const workspace of ['google', 'microsoft']) {
			await keep(ROOT, `/workspaces/${workspace}/servers/either/credential`, {
				...{ token: `SHARED-${workspace}`, org: workspace },
			});
			await keep(ROOT, `/workspaces/${workspace}/servers/shared/credential`, { key: `KEY & ${workspace}` });
		}
		await keep(ADA, '/workspaces/google/servers/either/own-credential', { token: 'ADA-token', org: 'ada' });
	});

	it('is seen by the upstream as the one of the person or else of the workspace, and never as the caller’s', async () => {
		const seen: unknown[] = [];
		for (const person of [ADA, BEN, MIA, ADA, MIA, BEN]) {
			expect(await use(person, 'either')).toBe('UP: hello');
			seen.push(lastSeen().authorization, lastSeen().org);
		}
		const [ada, ben, mia] = [
			['Token token=ADA-token', 'org ada'],
			['Token token=SHARED-google', 'org google'],
			['Token token=SHARED-microsoft', 'org microsoft'],
		];
		expect(seen).toEqual([ada, ben, mia, ada, mia, ben].flat());
	});

	it('fills the address of a call, as text and nothing more', async () => {
		expect(await use(BEN, 'shared')).toBe('UP: hello');
		expect(lastSeen().path).toBe('/mcp?key=KEY%20%26%20google');
		expect(await use(MIA, 'shared')).toBe('UP: hello');
		expect(lastSeen().path).toBe('/mcp?key=KEY%20%26%20microsoft');
	});

	it('is kept from a server that takes none', async () => {
		expect(await use(ADA, 'plain')).toBe('UP: hello');
		expect(lastSeen().authorization).toBeUndefined();
	});

	it('is nobody else’s to see, to change or to take away', async () => {
		const mine = '/workspaces/google/servers/either/own-credential';
		expect((await api(BEN, 'GET', mine)).status).toBe(404);
		expect((await api(BEN, 'GET', '/workspaces/google/servers/either/credential')).status).toBe(403);
		expect((await api(MIA, 'GET', mine)).status).toBe(404);
		expect((await api(BEN, 'DELETE', mine)).status).toBe(404);
		const listOf = async (person: Person) => {
			const { json } = await api(person, 'GET', '/workspaces/google/credentials');
			return json.items.map(({ server, owner }: { server: string; owner: Person | null }) => `${server} ${owner?.oid}`);
		};
		expect(await listOf(ADA)).toEqual(['either ada']);
		expect(await listOf(BEN)).toEqual([]);
		expect((await listOf(ROOT)).sort()).toEqual(['either ada', 'either undefined', 'shared undefined']);
	});

	it('is named by its id and its owner in explanations and records, and never by its value', async () => {
		const { id } = (await api(ADA, 'GET', '/workspaces/google/servers/either/own-credential')).json;
		const question = { workspace: 'google', server: 'either', tool: 'echo' };
		const told = await api(ADA, 'POST', '/explain', question);
		expect(told.json.credential).toEqual({ kind: 'principal', id: `principal:google/either#${id}` });
		await use(ADA, 'either');
		await gateway.shipped();
		const records = (await api(ROOT, 'GET', '/workspaces/google/audit?limit=200')).text;
		expect(records).toContain(`principal:google/either#${id}`);
		expect(records).toContain('credential.create');
		expect(records + told.text).not.toMatch(/ADA-token|SHARED-/);
	});

	it('is changed everywhere within seconds', async () => {
		expect(await use(BEN, 'either', other)).toBe('UP: hello');
		expect(lastSeen().authorization).toBe('Token token=SHARED-google');
		const at = '/workspaces/google/servers/either/credential';
		const response = await fetch(`${gateway.url}/api/v1${at}`, {
			method: 'PUT',
			headers: { ...as(ROOT), 'content-type': 'application/json', 'if-match': '*' },
			body: JSON.stringify({ values: { token: 'ROTATED', org: 'google' } }),
		});
		expect([response.status, (await response.json()) as unknown]).toMatchObject([200, { version: 2 }]);
		for (const gate of [gateway, other]) {
			await expect
				.poll(async () => {
					await use(BEN, 'either', gate);
					return lastSeen().authorization;
				}, SOON)
				.toBe('Token token=ROTATED');
		}
	});

	it('is destroyed with the host it was meant for: an administrator sends it nowhere else', async () => {
		const at = '/workspaces/google/servers/shared';
		const response = await fetch(`${gateway.url}/api/v1${at}`, {
			method: 'PATCH',
			headers: { ...as(ROOT), 'content-type': 'application/json', 'if-match': '*' },
			body: JSON.stringify({ url: 'https://evil.example.com/mcp?key=${secret:key}' }),
		});
		expect(response.status).toBe(200);
		expect((await api(ROOT, 'GET', `${at}/credential`)).status).toBe(404);
	});
});

describe('a person without an account of their own', () => {
	const PAGES = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } } };
	const params = { name: 'echo', arguments: { text: 'hello' } };
	const at = () => `${gateway.url}/w/google/s/own/mcp`;

	it('is asked to open a page where the client opens pages, and then called for', async () => {
		const { body, headers } = modern('tools/call', { ...params, _meta: PAGES });
		const { json } = await post(at(), body, { ...as(BEN), ...headers });
		expect(json.result).toMatchObject({
			resultType: 'input_required',
			inputRequests: { 'io.portcullis/connect': { method: 'elicitation/create', params: { mode: 'url', url: LINK } } },
		});
		await keep(BEN, '/workspaces/google/servers/own/own-credential', { token: 'BEN-token' });
		const retry = modern('tools/call', {
			...{ ...params, _meta: PAGES },
			inputResponses: { 'io.portcullis/connect': { action: 'accept' } },
		});
		const answer = await post(at(), retry.body, { ...as(BEN), ...retry.headers });
		expect(answer.json.result.content[0].text).toBe('UP: hello');
		const { body: arrived } = upstream.seen.at(-1) as { body: { params: object } };
		expect(arrived.params).not.toHaveProperty('inputResponses');
		expect(lastSeen().authorization).toBe('Bearer BEN-token');
	});

	it('is told the page in an error by a client of 2025-11-25', async () => {
		const revision = { 'mcp-protocol-version': '2025-11-25' };
		const { status, json } = await post(at(), legacy('tools/call', params), { ...as(ADA), ...revision });
		expect([status, json.error.code, json.error.data.elicitations[0]]).toEqual([
			200,
			-32042,
			expect.objectContaining({ mode: 'url', url: LINK, elicitationId: 'connect-google-own' }),
		]);
	});

	it.each(['2025-06-18', '2025-03-26'])('is told it by a tool that failed, in %s', async (revision) => {
		const told = await post(at(), legacy('tools/call', params), { ...as(ADA), 'mcp-protocol-version': revision });
		expect(told.json.result.isError).toBe(true);
		expect(told.json.result.content[0].text).toContain(LINK);
	});

	it('is told it by a modern client that opens no pages, and by OpenAPI', async () => {
		const { body, headers } = modern('tools/call', params);
		const told = await post(at(), body, { ...as(ADA), ...headers });
		expect(told.json.result).toMatchObject({ isError: true, resultType: 'complete' });
		const facade = await post(`${gateway.url}/w/google/s/own/echo`, { text: 'hello' }, as(ADA));
		expect([facade.status, facade.text]).toEqual([409, expect.stringContaining(LINK)]);
	});

	it('lists what other servers have, and is told which one wants an account', async () => {
		const { json } = await post(`${gateway.url}/w/google/mcp`, legacy('tools/list'), as(ADA));
		const names = json.result.tools.map(({ name }: { name: string }) => name) as string[];
		expect(names).toContain('either__echo');
		expect(names.filter((name) => name.startsWith('own__') || name.startsWith('child__'))).toEqual([]);
		expect(json.result._meta['io.portcullis/connect']).toEqual(['child', 'own']);
	});
});

describe('what belonged to a credential', () => {
	const child = '/workspaces/google/servers/child/own-credential';
	const events = () => readStdioLog(join(folder, 'google.log'));

	it('ends with it within seconds, the child of its person too, and nothing of anybody else', async () => {
		await keep(ADA, child, { token: 'ADA-child' });
		await keep(BEN, child, { token: 'BEN-child' });
		expect([await use(ADA, 'child'), await use(BEN, 'child')]).toEqual(['google: hello', 'google: hello']);
		const pids = events().flatMap(({ event, pid }) => (event === 'start' ? [pid as number] : []));
		expect(pids).toHaveLength(2);
		expect((await api(ADA, 'DELETE', child)).status).toBe(204);
		expect(await use(ADA, 'child')).toContain('not connected');
		await expect.poll(() => pids.filter(isAlive).length, SOON).toBe(1);
		expect(await use(BEN, 'child')).toBe('google: hello');
	});

	it('goes with the person and with the workspace', async () => {
		const pids = () => events().flatMap(({ event, pid }) => (event === 'start' ? [pid as number] : []));
		const gone = await api(ROOT, 'DELETE', '/workspaces/google');
		expect(gone.status, gone.text).toBe(204);
		await expect.poll(() => pids().filter(isAlive).length, SOON).toBe(0);
		expect(await use(BEN, 'child')).toBe('PC_ADDRESS_UNKNOWN');
	});
});

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
}
