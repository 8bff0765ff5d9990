import { describe, expect, it } from 'vitest';
import type { Server } from '../config/snapshot.ts';
import type { Principal } from '../identity/principal.ts';
import { createSecret, type SecretTemplate } from '../lib/secret.ts';
import { createAttachCredential } from './attach-credential.ts';

const person = (key: string) => ({ key }) as Principal;
const [ADA, BOB] = [person('ada'), person('bob')];

function server(parts: Partial<Server> & { readonly kind?: 'http' | 'stdio' } = {}): Server {
	const { kind = 'http', ...rest } = parts;
	const values = new Map<string, SecretTemplate>([['x-api-key', ['Key ', createSecret('s3cret'), '!']]]);
	const transport = kind === 'stdio' ? { kind, env: values } : { kind, url: 'https://a.example/mcp', headers: values };
	return { workspace: 'google', slug: 'jira', revision: 'r1', isolation: 'shared', transport, ...rest } as Server;
}

describe('the credential of a call', () => {
	it('is rendered for the transport of its server and for no other', () => {
		const attach = createAttachCredential();
		expect(attach(ADA, server())).toMatchObject({ headers: { 'x-api-key': 'Key s3cret!' }, env: {} });
		expect(attach(ADA, server({ kind: 'stdio' }))).toMatchObject({ headers: {}, env: { 'x-api-key': 'Key s3cret!' } });
	});

	it('has a name for the audit and a key for caches that say nothing of its value', () => {
		const { id, key } = createAttachCredential()(ADA, server());
		expect(id).toBe('workspace:google/jira');
		expect(`${id} ${key}`).not.toContain('s3cret');
	});

	it('is one for everybody where the server is shared, and rendered once', () => {
		const attach = createAttachCredential();
		const shared = server();
		expect(attach(ADA, shared)).toBe(attach(BOB, shared));
		expect(JSON.parse(attach(ADA, shared).key)).toEqual(['google', 'jira', 'r1', 'workspace:google/jira', null]);
	});

	it('keeps people apart where the server is isolated by principal', () => {
		const attach = createAttachCredential();
		const isolated = server({ isolation: 'principal' });
		const [one, two] = [attach(ADA, isolated), attach(BOB, isolated)];
		expect(one.key).not.toBe(two.key);
		expect(attach(ADA, isolated).key).toBe(one.key);
		expect(one.headers).toEqual(two.headers);
	});

	it('shares no state between workspaces, servers, definitions, and between shared and personal', () => {
		const attach = createAttachCredential();
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
