import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { makeAuthority } from '../../test/fakes/certificates.ts';
import { readSecretStores } from './read-secret-stores.ts';

const SECRET = 'canary-0123456789';
const FILE = { vault: { address: 'https://vault.example:8200/', auth: { method: 'token', tokenFile: 'token' } } };
const SIGN_IN = { tokenUrl: 'https://login.example/t/oauth2/v2.0/token', clientId: 'app' };

let folder: string;

beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-stores-'));
	writeFileSync(join(folder, 'ca.pem'), makeAuthority().cert);
	writeFileSync(join(folder, 'no.pem'), 'nothing of the kind');
});
afterAll(() => rmSync(folder, { recursive: true }));

function read(file: object) {
	const path = join(folder, 'stores.yaml');
	writeFileSync(path, stringify(file));
	return readSecretStores(path, { VAULT_SECRET: SECRET });
}

/** The faults of a file, without its name. */
function faultsOf(file: object): readonly string[] {
	try {
		read(file);
		return [];
	} catch (error) {
		return (error as Error).message.split('\n').map((line) => line.slice(line.indexOf(' ') + 1));
	}
}

const vault = (parts: object) => ({ vault: { ...FILE.vault, ...parts } });
const azure = (parts: object) => {
	const auth = { method: 'client-secret', ...SIGN_IN, clientSecret: '${env:VAULT_SECRET}' };
	return { azure: { vaultUrl: 'https://company.vault.azure.net', auth, ...parts } };
};

describe('a file of external stores of secrets', () => {
	it('is none where none is named', () => {
		expect(readSecretStores('', {})).toEqual({ vault: undefined, azure: undefined, wrapsKeys: undefined });
	});

	it('becomes settings with defaults, absolute paths and certificates that are read', () => {
		const stores = read({
			wrapsKeys: 'vault',
			...vault({ caFile: 'ca.pem', transit: {}, kv: {} }),
			...azure({ secrets: {} }),
		});
		expect(stores).toMatchObject({
			wrapsKeys: 'vault',
			vault: {
				address: 'https://vault.example:8200',
				ca: expect.stringContaining('BEGIN CERTIFICATE'),
				auth: { method: 'token', tokenFile: join(folder, 'token') },
				transit: { mount: 'transit', key: 'portcullis' },
				kv: { mount: 'secret', folder: 'portcullis/{workspace}', maxAgeMs: 300_000 },
			},
			azure: { vaultUrl: 'https://company.vault.azure.net', secrets: { workspaceTag: 'workspace' } },
		});
		expect(Object.isFrozen(stores.vault?.auth)).toBe(true);
		expect(JSON.stringify(stores)).not.toContain('canary');
	});

	it('takes every way to sign in', () => {
		const approle = { method: 'approle', roleId: 'r', secretIdFile: 's' };
		expect(read(vault({ auth: approle })).vault?.auth).toMatchObject({ mount: 'approle' });
		const kubernetes = read(vault({ auth: { method: 'kubernetes', role: 'portcullis' } })).vault?.auth;
		expect(kubernetes).toMatchObject({ jwtFile: '/var/run/secrets/kubernetes.io/serviceaccount/token' });
		const machine = read(azure({ auth: { method: 'managed-identity' } })).azure?.auth;
		expect(machine).toMatchObject({ tokenUrl: 'http://169.254.169.254/metadata/identity/oauth2/token' });
		const federated = read(azure({ auth: { method: 'workload-identity', ...SIGN_IN } })).azure?.auth;
		expect(federated).toMatchObject({ assertionFile: '/var/run/secrets/azure/tokens/azure-identity-token' });
	});

	it.each<[string, object]>([
		['name at least one store: vault or azure', {}],
		['wrapsKeys: needs vault.transit', { wrapsKeys: 'vault', ...FILE }],
		['wrapsKeys: needs azure.wrappingKey', { wrapsKeys: 'azure', ...azure({}) }],
		[
			'vault.address: must be https (http is allowed to this machine only)',
			{ vault: { ...FILE.vault, address: 'http://vault.example' } },
		],
		['vault.caFile: cannot be read as certificates in PEM', vault({ caFile: 'no.pem' })],
		['vault.auth.method: expected one of token, approle, kubernetes', vault({ auth: { method: 'userpass' } })],
		[
			'vault.kv.folder: needs {workspace} or {id} as a part of its own, so that each workspace has a folder',
			vault({ kv: { folder: 'portcullis/x-{workspace}' } }),
		],
		[
			'vault.kv.folder: must be made of letters, digits, dots, dashes and underscores, with slashes between the parts',
			vault({ kv: { folder: '../{workspace}' } }),
		],
		[
			'azure.auth.clientSecret: put the secret into ${env:NAME} or ${file:path}',
			azure({ auth: { method: 'client-secret', ...SIGN_IN, clientSecret: SECRET } }),
		],
		[
			'azure.auth.clientSecret: environment variable OTHER is not set',
			azure({ auth: { method: 'client-secret', ...SIGN_IN, clientSecret: '${env:OTHER}' } }),
		],
		[
			'azure.auth.tokenUrl: must be the metadata service of this machine',
			azure({ auth: { method: 'managed-identity', tokenUrl: 'http://10.0.0.1/token' } }),
		],
		['azure.wrappingKey: must be 1 to 127 letters, digits and dashes', azure({ wrappingKey: 'a/b' })],
	])('tells what is wrong: %s', (fault, file) => {
		expect(faultsOf(file)).toEqual([fault]);
		expect(faultsOf(file).join()).not.toContain('canary');
	});

	it('tells that it cannot be read', () => {
		expect(() => readSecretStores(join(folder, 'none.yaml'), {})).toThrow('none.yaml:1:1: cannot be read (ENOENT)');
	});
});
