import { describe, expect, it } from 'vitest';
import { credentialKey } from '../config/credential-key.ts';
import type { KeptCredential, Server } from '../config/snapshot.ts';
import type { PortcullisError } from '../errors/portcullis-error.ts';
import type { Principal } from '../identity/principal.ts';
import { createSecret, type SecretTemplate } from '../lib/secret.ts';
import { type Attached, createCredentials } from './attach-credential.ts';

const person = (key: string) => ({ key }) as Principal;
const [ADA, BOB] = [person('ada'), person('bob')];

function server(parts: Partial<Server> & { readonly kind?: 'http' | 'stdio' } = {}): Server {
	const { kind = 'http', ...rest } = parts;
	const values = new Map<string, SecretTemplate>([['x-api-key', ['Key ', createSecret('s3cret'), '!']]]);
	const transport = kind === 'stdio' ? { kind, env: values } : { kind, url: 'https://a.example/mcp', headers: values };
	return { workspace: 'google', slug: 'jira', revision: 'r1', isolation: 'shared', transport, ...rest } as Server;
}

const NAMES = { url: undefined, hosts: new Set<string>(), origins: new Set<string>() };
const attachOf = () => {
	const { attach } = createCredentials({ current: () => ({ credentials: new Map(), names: NAMES }) });
	return (principal: Principal, server: Server): Attached => attach(principal, server) as Attached;
};

describe('the credential of a call', () => {
	it('is rendered for the transport of its server and for no other', () => {
		const attach = attachOf();
		expect(attach(ADA, server())).toMatchObject({ headers: { 'x-api-key': 'Key s3cret!' }, env: {} });
		expect(attach(ADA, server({ kind: 'stdio' }))).toMatchObject({ headers: {}, env: { 'x-api-key': 'Key s3cret!' } });
	});

	it('has a name for the audit and a key for caches that say nothing of its value', () => {
		const { id, key } = attachOf()(ADA, server());
		expect(id).toBe('workspace:google/jira');
		expect(`${id} ${key}`).not.toContain('s3cret');
	});

	it('is one for everybody where the server is shared, and rendered once', () => {
		const attach = attachOf();
		const shared = server();
		expect(attach(ADA, shared)).toBe(attach(BOB, shared));
		expect(JSON.parse(attach(ADA, shared).key)).toEqual(['google', 'jira', 'r1', 'workspace:google/jira', null]);
	});

	it('keeps people apart where the server is isolated by principal', () => {
		const attach = attachOf();
		const isolated = server({ isolation: 'principal' });
		const [one, two] = [attach(ADA, isolated), attach(BOB, isolated)];
		expect(one.key).not.toBe(two.key);
		expect(attach(ADA, isolated).key).toBe(one.key);
		expect(one.headers).toEqual(two.headers);
	});

	it('shares no state between workspaces, servers, definitions, and between shared and personal', () => {
		const attach = attachOf();
		const keys = [
			server(),
			server({ workspace: 'microsoft' }),
			server({ slug: 'git' }),
			server({ revision: 'r2' }),
			server({ isolation: 'principal' }),
		].map((each) => attach(ADA, each).key);
		expect(new Set(keys).size).toBe(keys.length);
	});
});

describe('a kept credential', () => {
	const named = (parts: Partial<Server> = {}): Server =>
		server({
			workspaceId: 'w1',
			credential: 'principal-or-workspace',
			transport: {
				kind: 'http',
				url: 'https://placeholder.example.com/mcp',
				urlTemplate: ['https://', { named: 'region' }, '.example.com/mcp?team=', { named: 'team' }],
				headers: new Map([['authorization', ['Token token=', { named: 'token' }]]]),
			},
			...parts,
		});
	const kept = (id: string, parts: Partial<KeptCredential> = {}): KeptCredential => {
		return { id, version: 1, kind: 'values', state: 'ok', ...parts };
	};
	const VALUES = { token: 'tok', region: 'eu-1', team: 'a b/&' };
	/** Credentials by key of the principal, '' for the workspace's own; and what was opened. */
	const stage = (rows: Readonly<Record<string, KeptCredential>>, values: Readonly<Record<string, string>> = VALUES) => {
		const credentials = new Map(
			Object.entries(rows).map(([principal, row]) => {
				return [credentialKey({ workspaceId: 'w1', server: 'jira', principal: principal || null }), row];
			}),
		);
		const opened: string[] = [];
		const secrets = Object.entries(values).map(([name, value]) => [name, createSecret(value)] as const);
		const parts = createCredentials({
			current: () => ({ credentials, names: { ...NAMES, url: 'https://gateway.example' } }),
			open: async ({ workspaceId, id }) => {
				opened.push(`${workspaceId}/${id}`);
				return { values: Object.fromEntries(secrets), validMs: Number.POSITIVE_INFINITY };
			},
		});
		return { ...parts, credentials, opened };
	};

	it('fills headers, host and query, and nothing of a value is more than text there', async () => {
		const { attach } = stage({ '': kept('shared') });
		expect(await attach(ADA, named())).toMatchObject({
			id: 'workspace:google/jira#shared',
			headers: { authorization: 'Token token=tok' },
			url: 'https://eu-1.example.com/mcp?team=a%20b%2F%26',
		});
	});

	it("is the person's own before the workspace's, and theirs alone", async () => {
		const { attach } = stage({ '': kept('shared'), ada: kept('of-ada') });
		const [ada, bob] = [await attach(ADA, named()), await attach(BOB, named())];
		expect(ada.id).toBe('principal:google/jira#of-ada');
		expect(JSON.parse(ada.key)).toEqual(['google', 'jira', 'r1', 'principal:google/jira#of-ada:1', 'ada']);
		expect(JSON.parse(bob.key)).toEqual(['google', 'jira', 'r1', 'workspace:google/jira#shared:1', null]);
	});

	it('is opened once for many who ask at once, and at hand from then on', async () => {
		const { attach, opened } = stage({ '': kept('shared') });
		const [one] = await Promise.all([attach(ADA, named()), attach(BOB, named()), attach(ADA, named())]);
		expect(opened).toEqual(['w1/shared']);
		expect(attach(BOB, named())).toBe(one);
	});

	it('is opened anew at another version, and forgotten when its scope is retired', async () => {
		const { attach, credentials, opened, retire } = stage({ '': kept('shared') });
		const before = await attach(ADA, named());
		credentials.set([...credentials.keys()][0]!, kept('shared', { version: 2 }));
		expect((await attach(ADA, named())).key).not.toBe(before.key);
		retire(() => false);
		await attach(ADA, named());
		expect(opened).toHaveLength(3);
	});

	it("that needs attention is not replaced by the workspace's", () => {
		const { attach } = stage({ '': kept('shared'), ada: kept('of-ada', { state: 'needs-attention' }) });
		expect(() => attach(ADA, named())).toThrow(expect.objectContaining({ code: 'PC_CONNECT_REQUIRED' }));
	});

	it('that a person lacks is asked of them, and one that the workspace lacks of its administrator', () => {
		const { attach } = stage({ bob: kept('of-bob') });
		expect(() => attach(ADA, named({ credential: 'principal' }))).toThrow(
			expect.objectContaining({
				code: 'PC_CONNECT_REQUIRED',
				sentence: expect.stringContaining('https://gateway.example'),
			}),
		);
		expect(() => attach(BOB, named({ credential: 'workspace' }))).toThrow(
			expect.objectContaining({ code: 'PC_CREDENTIAL_MISSING' }),
		);
	});

	it.each([
		['lacks a value', { token: 'tok', region: 'eu-1' }],
		['would start a header', { ...VALUES, token: 'a\r\nx-evil: 1' }],
		['would choose the host', { ...VALUES, region: 'evil.example/' }],
		['would choose the host as a user', { ...VALUES, region: 'a@evil' }],
	])('is refused when it %s, without a word of it', async (_, values) => {
		const { attach } = stage({ '': kept('shared') }, values);
		const error = (await Promise.resolve(attach(ADA, named())).catch((reason: unknown) => reason)) as PortcullisError;
		expect(error.code).toBe('PC_CREDENTIAL_MISSING');
		expect(JSON.stringify([error.facts, error.message])).not.toMatch(/tok"|evil/);
	});

	it('of a connection carries the token of the moment, in the same headers', async () => {
		const credentials = new Map([
			[credentialKey({ workspaceId: 'w1', server: 'jira', principal: null }), kept('shared', { kind: 'oauth' })],
		]);
		let token = createSecret('first');
		const { attach } = createCredentials({ current: () => ({ credentials, names: NAMES }), tokenFor: () => token });
		const oauth = server({
			workspaceId: 'w1',
			credential: 'workspace',
			transport: {
				...{ kind: 'http', url: 'https://a.example/', urlTemplate: undefined },
				headers: new Map([['authorization', ['Bearer ', { named: 'token' }]]]),
			},
		});
		const one = await attach(ADA, oauth);
		expect(attach(ADA, oauth)).toBe(one);
		token = createSecret('second');
		const two = await attach(ADA, oauth);
		expect(two.key).toBe(one.key);
		expect([two.headers, one.headers]).toEqual([
			{ authorization: 'Bearer second' },
			{ authorization: 'Bearer second' },
		]);
	});
});
