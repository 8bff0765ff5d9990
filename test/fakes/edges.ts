import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { ListenerSettings } from '../../src/config/listeners.ts';
import { parseListeners } from '../../src/config/read-listeners.ts';
import { type Authority, type Issued, makeAuthority } from './certificates.ts';
import { type FakeDirectory, makeKey, type SignOptions, startFakeDirectory } from './directory.ts';
import { type Beside, type ConfigInput, legacy, type PlainAnswer, startGateway, type TestGateway } from './gateway.ts';

/** Id of the people the tests are about, as Entra gives them. */
export const OID = '3f1c7a52-9d0e-4b6b-8c55-0f2f6a1d2e01';

/** The two values of the shared secret. */
export const SECRETS = ['first-value-0123456789-0123456789', 'second-value-0123456789-012345678'] as const;

/** Name of the certificate, `azp` of the token, and `iss` and `aud` of the assertions that an edge is known by. */
export const EDGE_NAME = 'URI:spiffe://company.example/edge';
export const EDGE_APP = 'edge-application';
export const AUDIENCE = 'https://gateway.company.example';

const GOOGLE = '/w/google/mcp';

/** Headers of a request. */
export type Sent = Readonly<Record<string, string | readonly string[]>>;

/** Changes to what an edge signs. */
export type Claims = Readonly<Record<string, unknown>>;

/** A gateway with a listener for each mechanism: `asserted`, `given`, `managed`, `certified`, `shared`. */
export interface EdgeBench {
	readonly gateway: TestGateway;
	/** A second directory that the gateway accepts; edges do not list it. */
	readonly other: FakeDirectory;
	/** The edge that signs assertions, and serves its keys. */
	readonly signer: FakeDirectory;
	readonly authority: Authority;
	/** An assertion about somebody in these groups. */
	assertion(claims?: Claims, options?: SignOptions): string;
	/** The access token of the edge itself. */
	edgeToken(claims?: Claims): string;
	/** Address of a listener. */
	urlOf(listener: string): string;
	/** Pings an address of a listener, `/w/google/mcp` unless told. */
	ping(listener: string, headers: Sent, path?: string): Promise<PlainAnswer>;
	/** The same over TLS with a client certificate, or without one. */
	pingTls(headers: Sent, client?: Issued, path?: string): Promise<PlainAnswer>;
	close(): Promise<void>;
}

/** Starts it; the gateway is configured by `config`, whose groups are the directory `fake`'s unless they say otherwise. */
export async function openEdgeBench(config: ConfigInput, inFront: Beside = {}): Promise<EdgeBench> {
	const folder = mkdtempSync(join(tmpdir(), 'portcullis-edges-'));
	const signer = await startFakeDirectory({ issuer: 'https://edge.company.example', audience: AUDIENCE });
	const other = await startFakeDirectory({ id: 'other' });
	const authority = makeAuthority();
	const listeners = await writeListeners(folder, signer, authority);
	// The second directory has to be known before a grant may name it.
	const gateway = await startGateway({ ...config, grants: [] }, {}, { ...inFront, listeners });
	await gateway.reconfigure({ ...config, directories: [gateway.directory.directory, other.directory] });
	const urlOf = (name: string): string => `http://127.0.0.1:${gateway.ports.get(name)}`;
	return {
		...{ gateway, other, signer, authority, urlOf },
		assertion: (claims, options) => signer.sign({ ...assertedBy(gateway), ...claims }, options),
		edgeToken: (claims) =>
			gateway.directory.token({
				scp: undefined,
				roles: ['Edge'],
				idtyp: 'app',
				azp: EDGE_APP,
				oid: 'edge',
				sub: 'edge',
				...claims,
			}),
		ping: (listener, headers, path = GOOGLE) => pingPlain(urlOf(listener) + path, headers),
		pingTls: (headers, client, path = GOOGLE) =>
			pingOverTls({ port: gateway.ports.get('certified') ?? 0, path, headers, client, authority }),
		async close() {
			await gateway.close();
			await signer.close();
			await other.close();
			rmSync(folder, { recursive: true });
		},
	};
}

async function writeListeners(
	folder: string,
	signer: FakeDirectory,
	authority: Authority,
): Promise<readonly ListenerSettings[]> {
	const server = authority.issue({ names: ['DNS:localhost', 'IP:127.0.0.1'] });
	const key = signer.keys[0] ?? (await makeKey());
	const files = { 'cert.pem': server.cert, 'key.pem': server.key, 'ca.pem': authority.cert };
	for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
	writeFileSync(join(folder, 'edge.pem'), key.publicKey.export({ type: 'spki', format: 'pem' }));
	const { issuer, jwksUrl } = signer.directory;
	const directories = ['fake'];
	const assertion = { mechanism: 'assertion', issuer, audience: AUDIENCE, directories };
	const edges = {
		asserted: { ...assertion, jwksUrl, algorithms: ['RS256', 'ES256'] },
		given: { ...assertion, publicKeyFiles: ['edge.pem'], algorithms: ['RS256', 'PS256'] },
		managed: { mechanism: 'managed-identity', directory: 'fake', applications: [EDGE_APP], directories },
		certified: { mechanism: 'client-certificate', names: ['DNS:edge.company.example', EDGE_NAME], directories },
		shared: { mechanism: 'shared-secret', secrets: ['${env:FIRST}', '${env:SECOND}'], directories },
	};
	const tls = { certFile: 'cert.pem', keyFile: 'key.pem', clientCaFile: 'ca.pem' };
	const listeners = Object.entries(edges).map(([name, edge]) => ({
		name,
		port: 0,
		edge,
		...(name === 'certified' && { tls }),
	}));
	const env = { FIRST: SECRETS[0], SECOND: SECRETS[1] };
	return parseListeners(stringify({ listeners }), { file: join(folder, 'listeners.yaml'), env });
}

function assertedBy({ directory }: TestGateway): Record<string, unknown> {
	const at = Math.floor(Date.now() / 1000);
	const { tenantId } = directory.directory;
	return {
		...{ iss: 'https://edge.company.example', aud: AUDIENCE, iat: at, exp: at + 60, jti: randomUUID() },
		...{ sub: OID, tid: tenantId, name: 'Person', groups: ['MCP-Google'] },
	};
}

const PING = JSON.stringify(legacy('ping'));

async function pingPlain(url: string, headers: Sent): Promise<PlainAnswer> {
	const sent = Object.entries(headers).flatMap(([name, value]) =>
		[value].flat().map((each): [string, string] => [name, each]),
	);
	const own: [string, string][] = [
		['content-type', 'application/json'],
		['accept', 'application/json, text/event-stream'],
	];
	const response = await fetch(url, { method: 'POST', headers: [...own, ...sent], body: PING, redirect: 'manual' });
	return plain(response.status, response.headers, await response.text());
}

interface TlsPing {
	readonly port: number;
	readonly path: string;
	readonly headers: Sent;
	readonly client: Issued | undefined;
	readonly authority: Authority;
}

function pingOverTls({ port, path, headers, client, authority }: TlsPing): Promise<PlainAnswer> {
	const own = {
		'content-type': 'application/json',
		accept: 'application/json',
		host: 'localhost',
		'content-length': PING.length,
	};
	const options = {
		host: '127.0.0.1',
		port,
		path,
		method: 'POST',
		servername: 'localhost',
		agent: false,
	};
	return new Promise((resolve, reject) => {
		const asked = request({ ...options, ca: authority.cert, ...client, headers: { ...own, ...headers } as never });
		asked.on('response', (response) => {
			const chunks: Buffer[] = [];
			response.on('data', (chunk: Buffer) => chunks.push(chunk));
			response.on('end', () => {
				const pairs = Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)]);
				resolve(plain(response.statusCode ?? 0, new Headers(pairs), Buffer.concat(chunks).toString()));
			});
		});
		asked.on('error', reject);
		asked.end(PING);
	});
}

function plain(status: number, headers: Headers, text: string): PlainAnswer {
	try {
		return { status, headers, text, json: JSON.parse(text) };
	} catch {
		return { status, headers, text, json: undefined };
	}
}
