import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode } from '../../src/errors/table.ts';
import { type FakeKey, makeKey } from '../fakes/directory.ts';
import { legacy, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type LegacyHttpFixture, startLegacyHttp } from '../fakes/upstream.ts';
import { auditOf, expectRefusal, outcomeOf, refused } from './edge-refusal.ts';

const OID = '0a1b2c3d-person';

let gateway: TestGateway;
let upstream: LegacyHttpFixture;
let stranger: FakeKey;

const servers = () => ({ docs: { transport: 'http', url: upstream.url } });
const config = (more: object = {}) => ({
	workspaces: {
		google: { servers: servers() },
		microsoft: { servers: servers() },
		companyc: { servers: servers() },
		...more,
	},
	grants: [
		{ group: 'MCP-Google', workspace: 'google', access: 'write' },
		{ group: 'MCP-Microsoft', workspace: 'microsoft', access: 'read' },
		{ group: 'MCP-Admin', workspace: '*', access: 'admin' },
		{ role: 'Gateway.Reader', workspace: 'companyc', access: 'read' },
		{ role: 'Gateway.Admin', workspace: '*', access: 'admin' },
	],
});

beforeAll(async () => {
	upstream = await startLegacyHttp({ sessions: false });
	gateway = await startGateway(config());
	stranger = await makeKey();
});
afterAll(async () => {
	await gateway.close();
	await upstream.close();
});

const now = (): number => Math.floor(Date.now() / 1000);

function ask(token: string | undefined, path = '/w/google/mcp', method = 'ping'): Promise<PlainAnswer> {
	return post(gateway.url + path, legacy(method), token === undefined ? {} : { authorization: `Bearer ${token}` });
}

const DOCUMENTED = /resource_metadata="([^"]+)"/;

/** The address that a challenge names. */
function metadataUrlOf(answer: PlainAnswer): string {
	return DOCUMENTED.exec(answer.headers.get('www-authenticate') ?? '')?.[1] ?? '';
}

describe('a token that is refused', () => {
	const past = () => ({ exp: now() - 61, nbf: now() - 4_000, iat: now() - 4_000 });
	const FAULTS: readonly [ErrorCode, string, () => string | undefined][] = [
		['PC_TOKEN_MISSING', 'because there is none', () => undefined],
		['PC_TOKEN_MALFORMED', 'because it is no JWT', () => 'a-random-word'],
		['PC_TOKEN_MALFORMED', 'because it is not signed', () => gateway.directory.token({}, { alg: 'none' })],
		['PC_TOKEN_MALFORMED', 'because a public key is its secret', () => gateway.directory.token({}, { alg: 'HS256' })],
		['PC_TOKEN_MALFORMED', 'because it never expires', () => gateway.directory.token({ exp: undefined })],
		['PC_TOKEN_MALFORMED', 'because it is longer than any', () => `e${'y'.repeat(17_000)}.e.e`],
		['PC_TOKEN_SIGNATURE', 'because a stranger signed it', () => gateway.directory.token({}, signedBy(stranger))],
		['PC_TOKEN_SIGNATURE', 'because its key is unknown', () => gateway.directory.token({}, { key: stranger })],
		['PC_TOKEN_SIGNATURE', 'because it was altered', () => altered(gateway.tokenFor([]))],
		['PC_TOKEN_ISSUER', 'because of its issuer', () => gateway.directory.token({ iss: 'https://login.evil.example' })],
		['PC_TOKEN_ISSUER', 'because of its tid', () => gateway.directory.token({ tid: 'another-directory' })],
		['PC_TOKEN_AUDIENCE', 'because it is for another', () => gateway.directory.token({ aud: 'api://another' })],
		['PC_TOKEN_GRAPH', 'because it is for Graph', () => gateway.directory.token({ aud: GRAPH })],
		['PC_TOKEN_EXPIRED', 'because it has expired', () => gateway.directory.token(past())],
		['PC_TOKEN_NOT_YET_VALID', 'because it is early', () => gateway.directory.token({ nbf: now() + 120 })],
		['PC_TOKEN_KIND', 'because it is an ID token', () => gateway.directory.token({ scp: undefined })],
		['PC_TOKEN_IDENTITY', 'because it names nobody', () => gateway.directory.token({ oid: undefined })],
		['PC_TOKEN_GROUPS_UNKNOWN', 'because it lists no groups', () => gateway.directory.token(OVERAGE)],
	];
	const GRAPH = '00000003-0000-0000-c000-000000000000';
	const OVERAGE = { groups: undefined, hasgroups: true };

	it('comes with every code of the table that a token can cause', () => {
		const all = Object.keys(ERRORS).filter((code) => code.startsWith('PC_TOKEN_'));
		// Only a directory that is narrowed down refuses these: identity-entra.test.ts.
		const narrowed = ['PC_TOKEN_CLIENT', 'PC_TOKEN_GUEST', 'PC_TOKEN_SCOPE'];
		expect([...new Set([...FAULTS.map(([code]) => code), ...narrowed])].sort()).toEqual(all.sort());
	});

	it.each(FAULTS)('is answered 401 %s %s, with the way to sign in', async (code, _, make) => {
		const answer = await ask(make(), '/w/google/s/docs/mcp');
		expectRefusal(answer, code);
		const challenge = answer.headers.get('www-authenticate') ?? '';
		expect(challenge).toMatch(/^Bearer /);
		expect(challenge.includes('error="invalid_token"')).toBe(code !== 'PC_TOKEN_MISSING');
		const document = await fetch(metadataUrlOf(answer));
		expect(document.status).toBe(200);
		expect(document.headers.get('content-type')).toBe('application/json');
		expect(await document.json()).toEqual({
			resource: `${gateway.url}/w/google/s/docs/mcp`,
			authorization_servers: [gateway.directory.directory.issuer],
			bearer_methods_supported: ['header'],
			resource_name: 'Portcullis',
		});
		expect(auditOf(gateway, answer)).toMatchObject([{ outcome: 'refused', code, stage: 'identity' }]);
		expect(auditOf(gateway, answer)[0]).not.toHaveProperty('principal');
	});

	it('leaves no trace of itself in audit, answer or challenge', async () => {
		const token = gateway.directory.token({ iss: 'https://canary-issuer.example' });
		const answer = await ask(token);
		const trail = JSON.stringify(auditOf(gateway, answer));
		for (const part of [...token.split('.'), 'canary-issuer']) {
			expect(trail).not.toContain(part);
			expect(answer.text + answer.headers.get('www-authenticate')).not.toContain(part);
		}
	});

	it('reaches no server', async () => {
		const before = upstream.seen.length;
		for (const [, , make] of FAULTS) await ask(make(), '/w/google/s/docs/mcp', 'tools/list');
		expect(upstream.seen.length).toBe(before);
	});
});

function signedBy(key: FakeKey) {
	return { key, header: { kid: gateway.directory.keys[0]?.kid } };
}

function altered(token: string): string {
	const [header, payload = '', signature] = token.split('.');
	const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
	const richer = Buffer.from(JSON.stringify({ ...claims, groups: ['MCP-Admin'] })).toString('base64url');
	return [header, richer, signature].join('.');
}

describe('the metadata document', () => {
	const PLACE = '/.well-known/oauth-protected-resource';
	const read = async (path: string, headers: Record<string, string> = {}) => {
		const answer = await fetch(gateway.url + PLACE + path, { headers });
		return { status: answer.status, headers: answer.headers, text: await answer.text() };
	};

	it('is the same for workspaces that exist and those that do not', async () => {
		const shape = async (workspace: string) => {
			const { status, headers, text } = await read(`/w/${workspace}/s/docs/mcp`);
			return [status, text.replaceAll(workspace, 'W'), [...headers.keys()].sort()];
		};
		const known = await shape('google');
		expect(known[0]).toBe(200);
		expect(await shape('nowhere')).toEqual(known);
		expect(await shape('companyc')).toEqual(known);
	});

	it('stands for every MCP address, in both slash forms', async () => {
		for (const path of ['/mcp', '/mcp/', '/w/google/mcp', '/w/google/mcp/', '/w/google/s/docs/mcp']) {
			const { text } = await read(path);
			expect(JSON.parse(text)).toMatchObject({ resource: gateway.url + path });
		}
	});

	it('stands for nothing else, and says nothing about foreign hosts', async () => {
		for (const path of ['/x', 'x/mcp', '/w/Google/mcp', '/w/%2e%2e%2fmcp', '/mcp/mcp', '//evil.example/mcp']) {
			expect((await read(path)).status, path).toBe(404);
		}
		expect((await read('/mcp', { origin: 'https://evil.example' })).status).toBe(404);
	});

	it('may be read by any page where pages may call at all, for it holds no secret', async () => {
		expect((await read('/mcp')).headers.get('access-control-allow-origin')).toBe('*');
	});
});

async function workspacesOf(token: string): Promise<readonly string[]> {
	const answer = await ask(token, '/mcp', 'tools/list');
	const names: string[] = answer.json.result.tools.map(({ name }: { name: string }) => name.split('__')[0]);
	return [...new Set(names)].sort();
}

describe('the workspaces of a person', () => {
	it('are those of their groups, and go with the group', async () => {
		const both = gateway.tokenFor(['MCP-Google', 'MCP-Microsoft']);
		expect(await workspacesOf(both)).toEqual(['google', 'microsoft']);
		expect(outcomeOf(await ask(both, '/w/microsoft/mcp'))).toBe('200');
		const one = gateway.tokenFor(['MCP-Google']);
		expect(await workspacesOf(one)).toEqual(['google']);
		expect(outcomeOf(await ask(one, '/w/microsoft/mcp'))).toBe(refused('PC_ADDRESS_UNKNOWN'));
		expect(await workspacesOf(gateway.tokenFor([]))).toEqual([]);
	});

	it('are compared as they are: no other spelling of a group counts', async () => {
		for (const group of ['mcp-google', 'MCP-Google ', 'MCP-Goog1e', 'MCP-Google,MCP-Microsoft', '*']) {
			expect(await workspacesOf(gateway.tokenFor([group])), group).toEqual([]);
		}
	});

	it('never come from a name, an e-mail address or an invented claim', async () => {
		const claims = {
			...{ email: 'admin@google.example', preferred_username: 'admin@google.example', upn: 'admin@google.example' },
			...{ name: 'MCP-Admin', workspace: 'google', workspaces: ['google'], group: 'MCP-Google', wids: ['MCP-Admin'] },
		};
		expect(await workspacesOf(gateway.tokenFor([], claims))).toEqual([]);
	});

	it('are all of them under a * rule, those of tomorrow too', async () => {
		const admin = gateway.tokenFor(['MCP-Admin']);
		expect(await workspacesOf(admin)).toEqual(['companyc', 'google', 'microsoft']);
		await gateway.reconfigure(config({ newcomer: { servers: servers() } }));
		expect(await workspacesOf(admin)).toEqual(['companyc', 'google', 'microsoft', 'newcomer']);
		await gateway.reconfigure(config());
		expect(await workspacesOf(admin)).toEqual(['companyc', 'google', 'microsoft']);
	});

	it('come from app roles as from groups, and applications have no groups', async () => {
		expect(await workspacesOf(gateway.tokenFor([], { roles: ['Gateway.Reader'] }))).toEqual(['companyc']);
		expect(await workspacesOf(gateway.tokenFor(['Gateway.Reader']))).toEqual([]);
		expect(await workspacesOf(gateway.tokenFor([], { roles: ['MCP-Google'] }))).toEqual([]);
		const robot = { scp: undefined, idtyp: 'app', roles: ['Gateway.Admin'], sub: OID };
		expect(await workspacesOf(gateway.tokenFor(['MCP-Google'], robot))).toEqual(['companyc', 'google', 'microsoft']);
		const reader = { ...robot, roles: ['Gateway.Reader'] };
		expect(await workspacesOf(gateway.tokenFor(['MCP-Google'], reader))).toEqual(['companyc']);
	});

	it('carry the strongest level that a rule gives, and the audit names the rules', async () => {
		const url = '/w/microsoft/s/docs/mcp';
		const remember = legacy('tools/call', { name: 'remember', arguments: { key: 'k', value: 'v' } });
		const as = (groups: readonly string[]) =>
			post(gateway.url + url, remember, { authorization: `Bearer ${gateway.tokenFor(groups)}` });
		const reading = await as(['MCP-Microsoft']);
		expect(outcomeOf(reading)).toBe(refused('PC_TOOL_UNKNOWN'));
		expect(auditOf(gateway, reading)).toMatchObject([{ level: 'read', rules: ['grants[1]'], outcome: 'refused' }]);
		const both = await as(['MCP-Microsoft', 'MCP-Admin']);
		expect(outcomeOf(both)).toBe('200');
		expect(auditOf(gateway, both)[0]).toMatchObject({ level: 'admin', rules: ['grants[1]', 'grants[2]'] });
	});
});

describe('a directory that is down', () => {
	it('keeps nobody out whose key is known, new tokens included', async () => {
		expect(outcomeOf(await ask(gateway.tokenFor(['MCP-Google'])))).toBe('200');
		for (const health of ['down', 'error', 'html', 'empty', 'redirect'] as const) {
			gateway.directory.setHealth(health);
			const token = gateway.tokenFor(['MCP-Google'], { oid: `another-${health}` });
			expect(outcomeOf(await ask(token)), health).toBe('200');
		}
		gateway.directory.setHealth('up');
	});

	it('is asked once for a key that nobody knows, not once for each token', async () => {
		const before = gateway.directory.fetches;
		const forged = Array.from({ length: 20 }, (_, at) =>
			gateway.directory.token({}, { key: stranger, header: { kid: `invented-${at}` } }),
		);
		for (const answer of await Promise.all(forged.map((token) => ask(token)))) {
			expect(outcomeOf(answer)).toBe(refused('PC_TOKEN_SIGNATURE'));
		}
		expect(gateway.directory.fetches - before).toBeLessThanOrEqual(1);
		expect(gateway.directory.strayRequests).toBe(0);
	});

	it('from the start is a passing failure that says when to come back, and no verdict on the token', async () => {
		const fresh = await startGateway(config());
		fresh.directory.setHealth('down');
		const answer = await post(`${fresh.url}/mcp`, legacy('ping'), { authorization: `Bearer ${fresh.tokenFor([])}` });
		expectRefusal(answer, 'PC_DIRECTORY_UNAVAILABLE');
		expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
		expect(answer.headers.has('www-authenticate')).toBe(false);
		await fresh.close();
	});
});

describe('a gateway with a public address', () => {
	it('names that address in challenges and documents, whatever the Host header says', async () => {
		const behind = await startGateway({ publicUrl: 'https://mcp.company.example' });
		const answer = await post(`${behind.url}/mcp`, legacy('ping'));
		const place = '/.well-known/oauth-protected-resource/mcp';
		expect(metadataUrlOf(answer)).toBe(`https://mcp.company.example${place}`);
		const document = await fetch(behind.url + place);
		expect(await document.json()).toMatchObject({ resource: 'https://mcp.company.example/mcp' });
		await behind.close();
	});
});
