import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { snapshotOf } from '../../test/fakes/snapshot.ts';
import type { Directory, Snapshot } from '../config/snapshot.ts';
import { createAuthenticate } from '../identity/authenticate.ts';
import { createDemoDirectory, type ServedDirectory } from './demo-directory.ts';
import { createDemoSignIn, DEMO_WEB_CLIENT } from './demo-sign-in.ts';

const ANYONE = 'employee-a@company.example';

let folder: string;
let served: ServedDirectory | undefined;

beforeEach(() => {
	folder = join(mkdtempSync(join(tmpdir(), 'portcullis-')), 'demo');
});

afterEach(async () => {
	await served?.close();
	served = undefined;
	rmSync(join(folder, '..'), { recursive: true });
});

const modeOf = (path: string): number => statSync(path).mode & 0o777;

function snapshotWith(directory: Directory): Snapshot {
	return snapshotOf([], { directories: [directory] });
}

describe('the demo directory', () => {
	it('keeps its key and its people to itself', async () => {
		await createDemoDirectory(folder);
		expect(modeOf(folder)).toBe(0o700);
		expect(modeOf(join(folder, 'signing-key.pem'))).toBe(0o600);
		expect(modeOf(join(folder, 'people.json'))).toBe(0o600);
		expect(readFileSync(join(folder, 'signing-key.pem'), 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----/);
	});

	it('has the same key and the same object ids when it is opened again', async () => {
		const first = await createDemoDirectory(folder);
		const second = await createDemoDirectory(folder);
		expect(second.people).toEqual(first.people);
		expect(second.jwks()).toEqual(first.jwks());
		expect(new Set(first.people.map((person) => person.oid)).size).toBe(6);
	});

	it('signs tokens of the shape of Entra version 2 that live for an hour', async () => {
		const directory = await createDemoDirectory(folder, { now: () => 1_795_000_000_000 });
		const token = await directory.tokenFor(ANYONE);
		const person = directory.people.find((each) => each.email === ANYONE);
		expect(decodeProtectedHeader(token)).toEqual({ typ: 'JWT', alg: 'RS256', kid: directory.jwks().keys[0]?.kid });
		expect(decodeJwt(token)).toMatchObject({
			...{ ver: '2.0', iss: directory.issuer, aud: directory.audience, tid: directory.tenantId, oid: person?.oid },
			...{ groups: ['MCP-Google', 'MCP-Microsoft'], preferred_username: ANYONE, name: 'Employee A', scp: 'mcp.access' },
			...{ iat: 1_795_000_000, nbf: 1_795_000_000, exp: 1_795_003_600 },
		});
		expect(directory.issuer).toBe(`http://127.0.0.1/demo/${directory.tenantId}/v2.0`);
	});

	it('shows only the public part of its key', async () => {
		const [key] = (await createDemoDirectory(folder)).jwks().keys;
		expect(Object.keys(key ?? {}).sort()).toEqual(['alg', 'e', 'issuer', 'kid', 'kty', 'n', 'use']);
	});

	it('does not know strangers', async () => {
		const directory = await createDemoDirectory(folder);
		await expect(directory.tokenFor('stranger@company.example')).rejects.toThrow('has no stranger@company.example');
	});

	it('serves keys and metadata, and a gateway accepts its tokens', async () => {
		const directory = await createDemoDirectory(folder);
		served = await directory.serve(0);
		const metadata = (await (await fetch(served.metadataUrl)).json()) as Record<string, unknown>;
		expect(metadata).toMatchObject({ issuer: directory.issuer, jwks_uri: served.jwksUrl });
		expect(await (await fetch(served.jwksUrl)).json()).toEqual(directory.jwks());
		expect((await fetch(new URL('/', served.jwksUrl))).status).toBe(404);
		expect((await fetch(served.jwksUrl, { method: 'POST' })).status).toBe(404);

		const snapshot = snapshotWith(served.directory);
		const authenticator = createAuthenticate({ snapshots: { current: () => snapshot, onChange: () => undefined } });
		const principal = await authenticator.authenticateToken(await directory.tokenFor(ANYONE));
		expect(principal.name).toBe('Employee A');
		authenticator.close();
	});

	it('says so when its port is taken', async () => {
		const directory = await createDemoDirectory(folder);
		served = await directory.serve(0);
		await expect(directory.serve(served.port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
	});

	it('signs people in by a page, for its own web client on this machine alone', async () => {
		const directory = await createDemoDirectory(folder);
		const secret = 'x'.repeat(44);
		served = await directory.serve(0, createDemoSignIn(directory, secret).handle);
		const { origin } = new URL(served.jwksUrl);
		const verifier = 'v'.repeat(43);
		const redirectUri = 'http://127.0.0.1:8080/connect/signed-in';
		const challenge = createHash('sha256').update(verifier).digest('base64url');
		const asked = new URLSearchParams({ redirect_uri: redirectUri, state: 's', nonce: 'n', code_challenge: challenge });
		const page = await (await fetch(`${origin}/sign-in?${asked}`)).text();
		const links = [...page.matchAll(/href="([^"]+)"/g)].map(([, href = '']) => new URL(href.replaceAll('&#38;', '&')));
		expect(links).toHaveLength(6);
		const redeem = (code: string, parts: object = {}) =>
			fetch(`${origin}/sign-in/token`, {
				method: 'POST',
				body: new URLSearchParams({
					...{ grant_type: 'authorization_code', client_id: DEMO_WEB_CLIENT, client_secret: secret },
					...{ code, redirect_uri: redirectUri, code_verifier: verifier, ...parts },
				}),
			});
		const [first, second] = links.map((link) => link.searchParams.get('code') ?? '') as [string, string];
		const told = (await (await redeem(first)).json()) as { id_token: string };
		expect(decodeJwt(told.id_token)).toMatchObject({ aud: DEMO_WEB_CLIENT, nonce: 'n', name: 'Google Employee' });
		expect((await redeem(first)).status).toBe(400);
		expect((await redeem(second, { client_secret: 'other' })).status).toBe(400);
		const abroad = new URLSearchParams({ ...Object.fromEntries(asked), redirect_uri: 'https://evil.example/' });
		expect((await fetch(`${origin}/sign-in?${abroad}`)).status).toBe(400);
	});
});
