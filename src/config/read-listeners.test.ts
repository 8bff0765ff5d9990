import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { stringify } from 'yaml';
import * as z from 'zod';
import { makeAuthority } from '../../test/fakes/certificates.ts';
import { createListenersSchema } from './listeners-schema.ts';
import { parseListeners, readListeners } from './read-listeners.ts';

const SECRET = 'canary-0123456789-0123456789-0123456789';

let folder: string;

const pem = (key: KeyObject): string =>
	key.export({ type: key.type === 'public' ? 'spki' : 'pkcs8', format: 'pem' }).toString();

beforeAll(() => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-listeners-'));
	const authority = makeAuthority();
	const { cert, key } = authority.issue({ names: ['DNS:localhost'] });
	const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
	const files = {
		...{ 'cert.pem': cert, 'key.pem': key, 'ca.pem': authority.cert, 'other.pem': authority.key, 'secret.txt': SECRET },
		...{ 'rsa.pem': pem(rsa.publicKey), 'private.pem': pem(rsa.privateKey), 'no.pem': 'nothing of the kind' },
		'short.pem': pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey),
		'ec.pem': pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey),
	};
	for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

const parse = (text: string) => parseListeners(text, { file: join(folder, 'listeners.yaml'), env: { EDGE: SECRET } });
const parseOne = (listener: object) => parse(stringify({ listeners: [{ name: 'front', port: 0, ...listener }] }))[0];

/** The faults of one listener, without the file. */
function faultsOf(listener: object): readonly string[] {
	try {
		parseOne(listener);
		return [];
	} catch (error) {
		return (error as Error).message.split('\n').map((line) => line.slice(line.indexOf(' ') + 1));
	}
}

const TLS = { certFile: 'cert.pem', keyFile: 'key.pem', clientCaFile: 'ca.pem' };
const ASSERTION = { mechanism: 'assertion', issuer: 'edge', audience: 'gateway', directories: ['google'] };
const SHARED = { mechanism: 'shared-secret', secrets: ['${env:EDGE}'], directories: ['google'] };
const MANAGED = { mechanism: 'managed-identity', directory: 'google', applications: ['a'], directories: ['google'] };
const CERTIFICATE = { mechanism: 'client-certificate', names: ['DNS:edge'], directories: ['google'] };

describe('a file of listeners', () => {
	it('becomes listeners with absolute paths, keys that are read, and digests of secrets', () => {
		const listener = parseOne({
			host: '0.0.0.0',
			tls: TLS,
			trustedProxies: ['10.0.0.0/8'],
			edge: { ...SHARED, header: 'X-Edge-Proof', secrets: ['${env:EDGE}', '${file:secret.txt}'] },
		});
		expect(listener).toEqual({
			name: 'front',
			host: '0.0.0.0',
			port: 0,
			tls: {
				certFile: join(folder, 'cert.pem'),
				keyFile: join(folder, 'key.pem'),
				clientCaFile: join(folder, 'ca.pem'),
			},
			trustedProxies: ['10.0.0.0/8'],
			edge: {
				mechanism: 'shared-secret',
				header: 'x-edge-proof',
				digests: [expect.stringMatching(/^[0-9a-f]{64}$/), expect.stringMatching(/^[0-9a-f]{64}$/)],
				directories: ['google'],
			},
		});
		expect(Object.isFrozen(listener)).toBe(true);
		expect(JSON.stringify(listener)).not.toContain('canary');
	});

	it('takes each mechanism', () => {
		expect(parseOne({})?.edge).toBeUndefined();
		expect(parseOne({ edge: MANAGED })?.edge).toMatchObject({ applications: ['a'], objects: [] });
		expect(parseOne({ edge: CERTIFICATE, tls: TLS })?.edge).toMatchObject({ names: ['DNS:edge'] });
		const given = parseOne({
			edge: { ...ASSERTION, algorithms: ['PS256', 'ES256'], publicKeyFiles: ['rsa.pem', 'ec.pem'] },
		});
		expect(given?.edge).toMatchObject({
			publicKeys: [readFileSync(join(folder, 'rsa.pem'), 'utf8'), expect.anything()],
		});
		expect(parseOne({ edge: { ...ASSERTION, publicKeyFiles: ['rsa.pem'] } })?.edge).toMatchObject({
			algorithms: ['RS256'],
		});
	});

	it('is none where none is named', () => expect(readListeners('', {})).toEqual([]));

	it('tells its faults with lines', () => {
		const text = 'listeners:\n  - name: front\n    port: 70000\n    colour: red\n  - name: front\n    port: 1\n';
		expect(() => parse(text)).toThrow(
			`${join(folder, 'listeners.yaml')}:3:11 listeners[0].port: must be at most 65535\n` +
				`${join(folder, 'listeners.yaml')}:4:5 listeners[0].colour: unknown key; known here: name, host, port, tls, trustedProxies, edge\n` +
				`${join(folder, 'listeners.yaml')}:5:11 listeners[1].name: this name is given twice`,
		);
		expect(() => readListeners(join(folder, 'none.yaml'), {})).toThrow('none.yaml:1:1: cannot be read (ENOENT)');
	});

	const FAULTS: readonly [string, object][] = [
		['listeners[0].name: is the name of the listener of PORTCULLIS_PORT', { name: 'main' }],
		['listeners[0].trustedProxies[0]: has bits set beyond its length', { trustedProxies: ['10.0.0.1/8'] }],
		['listeners[0].tls.certFile: cannot be read (ENOENT)', { tls: { ...TLS, certFile: 'none.pem' } }],
		['listeners[0].tls.certFile: is not a certificate in PEM', { tls: { ...TLS, certFile: 'no.pem' } }],
		[
			'listeners[0].tls.keyFile: is not the key of the certificate, in PEM and open',
			{ tls: { ...TLS, keyFile: 'other.pem' } },
		],
		['listeners[0].tls.clientCaFile: is not a certificate in PEM', { tls: { ...TLS, clientCaFile: 'no.pem' } }],
		['listeners[0].edge.mechanism: needs tls.clientCaFile, which says whose certificates count', { edge: CERTIFICATE }],
		[
			'listeners[0].edge.mechanism: expected one of assertion, managed-identity, client-certificate, shared-secret',
			{ edge: { mechanism: 'trust' } },
		],
		['listeners[0].edge.mechanism: give either jwksUrl or publicKeyFiles, so that there are keys', { edge: ASSERTION }],
		[
			'listeners[0].edge.jwksUrl: must be https (http is allowed to this machine only)',
			{ edge: { ...ASSERTION, jwksUrl: 'http://edge.example.com/keys' } },
		],
		[
			'listeners[0].edge.algorithms[0]: expected one of RS256, PS256, ES256',
			{ edge: { ...ASSERTION, algorithms: ['HS256'], publicKeyFiles: ['rsa.pem'] } },
		],
		[
			'listeners[0].edge.publicKeyFiles[0]: is a key of none of the algorithms',
			{ edge: { ...ASSERTION, publicKeyFiles: ['ec.pem'] } },
		],
		[
			'listeners[0].edge.publicKeyFiles[0]: holds a private key; the gateway needs the public one alone',
			{ edge: { ...ASSERTION, publicKeyFiles: ['private.pem'] } },
		],
		[
			'listeners[0].edge.publicKeyFiles[0]: must be an RSA key of 2048 bits or more, or an EC key on P-256',
			{ edge: { ...ASSERTION, publicKeyFiles: ['short.pem'] } },
		],
		[
			'listeners[0].edge.publicKeyFiles[0]: cannot be read as a public key or certificate in PEM',
			{ edge: { ...ASSERTION, publicKeyFiles: ['no.pem'] } },
		],
		[
			'listeners[0].edge.mechanism: name the edge in applications or objects: any application of the directory could vouch otherwise',
			{ edge: { ...MANAGED, applications: [] } },
		],
		[
			'listeners[0].edge.names[0]: write an alternative name of the certificate as DNS:host or URI:uri, without quotes, commas and asterisks',
			{ edge: { ...CERTIFICATE, names: ['*.example.com'] }, tls: TLS },
		],
		['listeners[0].edge.directories: must not be empty', { edge: { ...SHARED, directories: [] } }],
		[
			'listeners[0].edge.header: must be a header whose name begins with X-Edge-',
			{ edge: { ...SHARED, header: 'X-Secret' } },
		],
		[
			'listeners[0].edge.header: is the header of another mechanism',
			{ edge: { ...SHARED, header: 'X-Edge-Assertion' } },
		],
		[
			'listeners[0].edge.secrets[0]: put the secret into ${env:NAME} or ${file:path}',
			{ edge: { ...SHARED, secrets: [SECRET] } },
		],
		[
			'listeners[0].edge.secrets[0]: environment variable NONE is not set',
			{ edge: { ...SHARED, secrets: ['${env:NONE}'] } },
		],
		[
			'listeners[0].edge.secrets: must be at most 2',
			{ edge: { ...SHARED, secrets: ['${env:EDGE}', '${env:EDGE}', '${env:EDGE}'] } },
		],
	];
	test.each(FAULTS)('is refused: %s', (fault, listener) => expect(faultsOf(listener)).toEqual([fault]));

	it('takes no short secret, and quotes none', () => {
		const edge = (secret: string) => () =>
			parseListeners(stringify({ listeners: [{ name: 'a', port: 0, edge: SHARED }] }), {
				file: 'l.yaml',
				env: { EDGE: secret },
			});
		expect(edge('x'.repeat(31))).toThrow(/must be at least 32 characters$/);
		expect(edge('x'.repeat(32))).not.toThrow();
		expect(edge(`${SECRET} ${SECRET}`)).toThrow(/^(?!.*canary).*without spaces$/);
	});
});

describe('docs/edge.md', () => {
	const DOCS = readFileSync(new URL('../../docs/edge.md', import.meta.url), 'utf8');
	const SCHEMA = createListenersSchema({ folder: '.', env: {}, readSecretFile: () => '', references: new Map() });

	it('names every key of the file', () => {
		const keys = new Set<string>();
		const collect = (schema: z.core.JSONSchema.JSONSchema): void => {
			for (const [key, child] of Object.entries(schema.properties ?? {})) {
				keys.add(key);
				collect(child as z.core.JSONSchema.JSONSchema);
			}
			for (const branch of [schema.items, ...(schema.oneOf ?? [])])
				if (typeof branch === 'object') collect(branch as never);
		};
		collect(z.toJSONSchema(SCHEMA, { io: 'input', unrepresentable: 'any' }));
		expect(keys.size).toBeGreaterThan(15);
		for (const key of keys) expect(DOCS, key).toMatch(new RegExp(`^(?:\\| |- )?\`${key}\` \\||^${key}:`, 'm'));
	});

	it('shows a file that has no faults', () => {
		const examples = [...DOCS.matchAll(/```yaml\n(.*?)```/gs)].map((match) => match[1] ?? '');
		expect(examples.length).toBeGreaterThan(0);
		for (const example of examples) {
			const text = example
				.replaceAll('/etc/portcullis/tls.crt', 'cert.pem')
				.replaceAll('/etc/portcullis/tls.key', 'key.pem');
			const ready = text
				.replaceAll('/etc/portcullis/edge-ca.crt', 'ca.pem')
				.replaceAll('/etc/portcullis/edge.pub', 'rsa.pem');
			const env = { EDGE_SECRET: SECRET, EDGE_SECRET_NEXT: SECRET };
			expect(() => parseListeners(ready, { file: join(folder, 'listeners.yaml'), env })).not.toThrow();
		}
	});
});
