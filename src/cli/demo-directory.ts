import {
	createHash,
	createPrivateKey,
	createPublicKey,
	generateKeyPairSync,
	type KeyObject,
	randomBytes,
	randomUUID,
} from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, type JWK, SignJWT } from 'jose';
import { z } from 'zod';
import type { Directory } from '../config/snapshot.ts';

/** A person of the demo directory. */
export interface DemoPerson {
	/** How the demo's commands name the person; the gateway only displays it. */
	readonly email: string;
	readonly name: string;
	/** Object id, made once and kept in the folder. */
	readonly oid: string;
	/** Group names, as Entra's `cloud_displayname` option emits them. */
	readonly groups: readonly string[];
	readonly roles: readonly string[];
}

/** The public keys as served; like Entra, each names the issuer it signs for. */
export interface DemoKeySet {
	readonly keys: readonly (JWK & { readonly issuer: string })[];
}

/** Values that appear in every token; `{tid}` in the issuer becomes the tenant id. */
export interface DemoDirectoryOptions {
	/** Holds no port, so that tokens and configuration outlive a restart on another one. */
	readonly issuer?: string;
	readonly tenantId?: string;
	readonly audience?: string;
	/** Wall clock, milliseconds since 1970. */
	readonly now?: () => number;
}

/** Answers a request, or says that it is for somebody else. */
export type AnswerMore = (request: IncomingMessage, response: ServerResponse) => boolean;

/** The demo directory while it answers on a port. */
export interface ServedDirectory {
	readonly port: number;
	readonly jwksUrl: string;
	readonly metadataUrl: string;
	/** The entry that makes a gateway accept its tokens. */
	readonly directory: Directory;
	close(): Promise<void>;
}

/** A small directory whose tokens look like those of Microsoft Entra ID (version 2). */
export interface DemoDirectory {
	readonly issuer: string;
	readonly tenantId: string;
	readonly audience: string;
	readonly people: readonly DemoPerson[];
	/** An access token of the person, good for an hour; rejects when nobody has this e-mail address. */
	tokenFor(email: string): Promise<string>;
	/** What an application is told of a person who signed in there; rejects when nobody has this e-mail address. */
	idTokenFor(email: string, signIn: { readonly audience: string; readonly nonce: string }): Promise<string>;
	jwks(): DemoKeySet;
	/** Serves keys and metadata on 127.0.0.1, and whatever `more` says it has answered; port 0 takes a free one. */
	serve(port: number, more?: AnswerMore): Promise<ServedDirectory>;
}

const DEFAULTS = {
	issuer: 'http://127.0.0.1/demo/{tid}/v2.0',
	tenantId: '0de30de3-0000-4000-8000-000000000001',
	audience: '0de30de3-0000-4000-8000-00000000a0d1',
};
const CLIENT_ID = '0de30de3-0000-4000-8000-00000000c11e';
const LIFETIME_S = 3600;

const PEOPLE: readonly Omit<DemoPerson, 'oid' | 'roles'>[] = [
	{ email: 'google-employee@google.example', name: 'Google Employee', groups: ['MCP-Google'] },
	{ email: 'ms-employee@microsoft.example', name: 'Microsoft Employee', groups: ['MCP-Microsoft'] },
	{ email: 'employee-a@company.example', name: 'Employee A', groups: ['MCP-Google', 'MCP-Microsoft'] },
	{ email: 'employee-b@company.example', name: 'Employee B', groups: ['MCP-Microsoft-Readers'] },
	{ email: 'employee-c@company.example', name: 'Employee C', groups: ['MCP-Google', 'MCP-Microsoft', 'MCP-CompanyC'] },
	{ email: 'admin@company.example', name: 'Admin', groups: ['MCP-Admin'] },
];

const PEOPLE_FILE = z.array(
	z.strictObject({
		email: z.string().min(1),
		name: z.string(),
		oid: z.string().min(1).max(128),
		groups: z.array(z.string()),
		roles: z.array(z.string()),
	}),
);

interface SigningKey {
	readonly kid: string;
	readonly privateKey: KeyObject;
	readonly jwks: DemoKeySet;
}

/**
 * Opens the demo directory kept in a folder, and makes it (key, people) when the folder is new. Only the owner of the
 * folder may enter it: who reads the key can sign in as anyone.
 */
export async function createDemoDirectory(folder: string, options: DemoDirectoryOptions = {}): Promise<DemoDirectory> {
	const { tenantId, audience, issuer: template, now = Date.now } = { ...DEFAULTS, ...options };
	const issuer = template.replace('{tid}', tenantId);
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	chmodSync(folder, 0o700);
	const people = PEOPLE_FILE.parse(JSON.parse(readOrCreate(join(folder, 'people.json'), firstPeople)));
	const key = await openKey(readOrCreate(join(folder, 'signing-key.pem'), newKey), issuer);

	async function signFor(email: string, aud: string, own: Readonly<Record<string, string>>): Promise<string> {
		const person = people.find((each) => each.email === email);
		if (person === undefined) throw new Error(`The demo directory has no ${email}; it has ${listEmails(people)}.`);
		const issuedAt = Math.floor(now() / 1000);
		return new SignJWT({
			...personClaims(person, aud),
			...{ ver: '2.0', iss: issuer, aud, tid: tenantId, ...own },
			...{ iat: issuedAt, nbf: issuedAt, exp: issuedAt + LIFETIME_S, uti: randomBytes(16).toString('base64url') },
		})
			.setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: key.kid })
			.sign(key.privateKey);
	}

	async function serve(port: number, more: AnswerMore = () => false): Promise<ServedDirectory> {
		const answer = answerWith({ issuer, tenantId, jwks: key.jwks });
		const server = createServer((request, response) => {
			if (!more(request, response)) answer(request, response);
		});
		const base = `http://127.0.0.1:${await listen(server, port)}`;
		const { jwksUrl, metadataUrl } = addressesOf(base, tenantId);
		return {
			port: (server.address() as AddressInfo).port,
			jwksUrl,
			metadataUrl,
			directory: { id: 'demo', issuer, tenantId, audiences: [audience], jwksUrl },
			close: () => closeServer(server),
		};
	}

	return {
		...{ issuer, tenantId, audience, people, jwks: () => key.jwks, serve },
		tokenFor: (email) => signFor(email, audience, { azp: CLIENT_ID, azpacr: '0', scp: 'mcp.access' }),
		idTokenFor: (email, signIn) => signFor(email, signIn.audience, { nonce: signIn.nonce }),
	};
}

// The files are the directory's whole state: an existing one is never written again.
function readOrCreate(path: string, create: () => string): string {
	if (!existsSync(path)) writeFileSync(path, create(), { mode: 0o600, flag: 'wx' });
	return readFileSync(path, 'utf8');
}

function firstPeople(): string {
	const people = PEOPLE.map((person) => ({ ...person, oid: randomUUID(), roles: [] }));
	return `${JSON.stringify(people, undefined, '\t')}\n`;
}

function newKey(): string {
	const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
	return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

async function openKey(pem: string, issuer: string): Promise<SigningKey> {
	const privateKey = createPrivateKey(pem);
	const publicJwk = await exportJWK(createPublicKey(privateKey));
	const kid = await calculateJwkThumbprint(publicJwk);
	return { kid, privateKey, jwks: { keys: [{ ...publicJwk, kid, use: 'sig', alg: 'RS256', issuer }] } };
}

function personClaims({ email, name, oid, groups, roles }: DemoPerson, audience: string): Record<string, unknown> {
	// Entra's `sub` differs for each application.
	const sub = createHash('sha256')
		.update(JSON.stringify([oid, audience]))
		.digest('base64url');
	return { oid, sub, name, preferred_username: email, groups, ...(roles.length > 0 && { roles }) };
}

function listEmails(people: readonly DemoPerson[]): string {
	return people.map((person) => person.email).join(', ');
}

// Serving -------------------------------------------------------------------------------------------------------------

interface Published {
	readonly issuer: string;
	readonly tenantId: string;
	readonly jwks: DemoKeySet;
}

function addressesOf(base: string, tenantId: string): { readonly jwksUrl: string; readonly metadataUrl: string } {
	return {
		jwksUrl: `${base}/${tenantId}/discovery/v2.0/keys`,
		metadataUrl: `${base}/${tenantId}/v2.0/.well-known/openid-configuration`,
	};
}

function answerWith({ issuer, tenantId, jwks }: Published): RequestListener {
	const paths = addressesOf('', tenantId);
	return (request: IncomingMessage, response: ServerResponse) => {
		const { jwksUrl } = addressesOf(`http://127.0.0.1:${request.socket.localPort}`, tenantId);
		const documents = new Map<string | undefined, unknown>([
			[paths.jwksUrl, jwks],
			[paths.metadataUrl, metadataOf(issuer, jwksUrl)],
		]);
		const document = request.method === 'GET' ? documents.get(request.url) : undefined;
		response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' });
		response.end(JSON.stringify(document ?? { error: 'not_found' }));
	};
}

function metadataOf(issuer: string, jwksUrl: string): Record<string, unknown> {
	return {
		issuer,
		jwks_uri: jwksUrl,
		id_token_signing_alg_values_supported: ['RS256'],
		subject_types_supported: ['pairwise'],
		scopes_supported: ['mcp.access'],
	};
}

function listen(server: Server, port: number): Promise<number> {
	return new Promise((resolve, reject) => {
		server.once('error', reject);
		server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
	});
}

function closeServer(server: Server): Promise<void> {
	return new Promise((resolve) => {
		server.close(() => resolve());
		server.closeAllConnections();
	});
}
