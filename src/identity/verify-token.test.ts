import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeDirectory, makeKey, publicSpellings, startFakeDirectory } from '../../test/fakes/directory.ts';
import type { Directory } from '../config/snapshot.ts';
import { createDirectoryKeys, type DirectoryKeys } from './directory-keys.ts';
import { fetchKeys } from './fetch-keys.ts';
import { createTokenVerifier, type VerifyToken } from './verify-token.ts';

const GRAPH = '00000003-0000-0000-c000-000000000000';
const NOW_MS = Date.UTC(2026, 10, 22, 12);
const now = (): number => NOW_MS;

let google: FakeDirectory;
let microsoft: FakeDirectory;
const opened: DirectoryKeys[] = [];

beforeAll(async () => {
	google = await startFakeDirectory({ id: 'google', now });
	microsoft = await startFakeDirectory({ id: 'microsoft', now });
});

afterAll(async () => {
	for (const keys of opened) keys.close();
	await google.close();
	await microsoft.close();
});

/** A verifier with empty key caches, so that every fetch it makes is counted. */
function openVerifier(...directories: readonly Directory[]): VerifyToken {
	const keys = createDirectoryKeys({ fetchKeys, now });
	opened.push(keys);
	return createTokenVerifier({
		directories: directories.length > 0 ? directories : [google.directory, microsoft.directory],
		keyFor: keys.keyFor,
		now,
	});
}

async function expectRefusal(token: string, code: string, directories: readonly Directory[] = []): Promise<void> {
	await expect(openVerifier(...directories)(token)).rejects.toMatchObject({ code });
}

/** Refused, and before anything is asked of any directory. */
async function expectOfflineRefusal(token: string, code: string): Promise<void> {
	const before = google.fetches + microsoft.fetches;
	await expectRefusal(token, code);
	expect(google.fetches + microsoft.fetches + google.strayRequests).toBe(before);
}

describe('a good token', () => {
	it('is accepted and its claims are read', async () => {
		const token = google.token({ groups: ['MCP-Google'], roles: ['Gateway.User'], scp: 'mcp.access files.read' });
		await expect(openVerifier()(token)).resolves.toEqual({
			directory: 'google',
			issuer: google.directory.issuer,
			tid: google.directory.tenantId,
			oid: '0a1b2c3d-person',
			name: 'Person',
			groups: ['MCP-Google'],
			roles: ['Gateway.User'],
			scopes: ['mcp.access', 'files.read'],
			expiresAt: NOW_MS / 1000 + 3600,
		});
	});

	it.each([undefined, 'JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/at+jwt'])('may have the type %s', async (typ) => {
		await expect(openVerifier()(google.token({}, { header: { typ } }))).resolves.toBeDefined();
	});
});

describe('the algorithm', () => {
	it.each(['none', 'NONE', 'nOnE', '', undefined, ['RS256'], null])(
		'%j is refused without a key fetch',
		async (alg) => {
			await expectOfflineRefusal(google.token({}, { alg: 'none', header: { alg } }), 'PC_TOKEN_MALFORMED');
			await expectOfflineRefusal(google.token({}, { header: { alg } }), 'PC_TOKEN_MALFORMED');
		},
	);

	it('HS256 with the public key as its secret is refused without a key fetch', async () => {
		const [key] = google.keys;
		for (const secret of publicSpellings(key as NonNullable<typeof key>)) {
			await expectOfflineRefusal(google.token({}, { alg: 'HS256', secret }), 'PC_TOKEN_MALFORMED');
			// The same HMAC under a header that claims RS256 meets the RSA verification.
			await expectRefusal(google.token({}, { alg: 'HS256', secret, header: { alg: 'RS256' } }), 'PC_TOKEN_SIGNATURE');
		}
	});

	it('ES256 is refused, also with a well-made signature and with the all-zero one', async () => {
		const key = await makeKey('ec');
		const token = google.token({}, { alg: 'ES256', key });
		await expectOfflineRefusal(token, 'PC_TOKEN_MALFORMED');
		const zero = Buffer.alloc(64).toString('base64url');
		await expectOfflineRefusal(token.replace(/[^.]+$/, zero), 'PC_TOKEN_MALFORMED');
	});
});

describe('the header', () => {
	it.each(['JWS', 'JOSE', 'dpop+jwt', 'logout+jwt', 'id_token', 7, ''])('with the type %j is refused', async (typ) => {
		await expectOfflineRefusal(google.token({}, { header: { typ } }), 'PC_TOKEN_MALFORMED');
	});

	it('with crit or b64 is refused', async () => {
		await expectOfflineRefusal(google.token({}, { header: { crit: ['exp'], exp: 1 } }), 'PC_TOKEN_MALFORMED');
		await expectOfflineRefusal(google.token({}, { header: { crit: [] } }), 'PC_TOKEN_MALFORMED');
		await expectOfflineRefusal(google.token({}, { header: { b64: false } }), 'PC_TOKEN_MALFORMED');
	});

	it('may name a key address or hold a key, and neither is looked at', async () => {
		const url = new URL('/attacker', google.directory.jwksUrl).href;
		const attacker = await makeKey();
		const header = { jku: url, x5u: url, jwk: attacker.jwk, x5c: ['MIIB'] };
		await expect(openVerifier()(google.token({}, { header }))).resolves.toBeDefined();
		await expectRefusal(google.token({}, { key: attacker, header }), 'PC_TOKEN_SIGNATURE');
		const own = { ...header, kid: google.keys[0]?.kid };
		await expectRefusal(google.token({}, { key: attacker, header: own }), 'PC_TOKEN_SIGNATURE');
		expect(google.strayRequests).toBe(0);
	});

	it.each([undefined, '', 'k'.repeat(257), ['a'], 7, {}, null])(
		'with the key id %j is refused offline',
		async (kid) => {
			await expectOfflineRefusal(google.token({}, { header: { kid } }), 'PC_TOKEN_MALFORMED');
		},
	);

	it.each(['__proto__', 'constructor', '../../etc/passwd', "' or 1=1 --", 'https://evil.example/key', 'k'.repeat(256)])(
		'with the key id %s finds no key',
		async (kid) => expectRefusal(google.token({}, { header: { kid } }), 'PC_TOKEN_SIGNATURE'),
	);

	it("with another directory's key id finds no key", async () => {
		const [key] = microsoft.keys;
		await expectRefusal(google.token({}, { key: key as NonNullable<typeof key> }), 'PC_TOKEN_SIGNATURE');
	});
});

describe('the form', () => {
	it('must be three parts: a JWE, a JSON serialisation, a detached or a cut token is refused', async () => {
		const token = google.token();
		const [header, payload, signature] = token.split('.') as [string, string, string];
		const forms = [
			`${token}.${signature}.${signature}`,
			`${token}.`,
			JSON.stringify({ protected: header, payload, signature }),
			`${header}..${signature}`,
			`${header}.${payload}`,
			`${header}.${payload}.`,
			'',
			'...',
			'.'.repeat(16_000),
		];
		for (const form of forms) await expectOfflineRefusal(form, 'PC_TOKEN_MALFORMED');
	});

	it('has one spelling: padding, other alphabets and stray bits are refused', async () => {
		const token = google.token();
		await expect(openVerifier()(token)).resolves.toBeDefined();
		const last = token.at(-1) as string;
		const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
		const strayBit = `${token.slice(0, -1)}${alphabet[alphabet.indexOf(last) + 1]}`;
		for (const form of [`${token}=`, `${token}==`, strayBit, `${token}\n`, `${token}%`, ` ${token}`]) {
			await expectOfflineRefusal(form, 'PC_TOKEN_MALFORMED');
		}
	});

	it('must be unambiguous JSON objects in UTF-8', async () => {
		const header = JSON.stringify({ alg: 'RS256', kid: google.keys[0]?.kid });
		const claims = JSON.stringify(google.claims());
		await expect(openVerifier()(google.signTexts(header, claims))).resolves.toBeDefined();
		const payloads = [
			claims.replace('{', '{"aud":"first",'),
			claims.replace('{', '{"\\u0061ud":"first",'),
			claims.replace('{', '{"__proto__":{"roles":["x"]},'),
			`{"deep":${'['.repeat(40)}${']'.repeat(40)},${claims.slice(1)}`,
			`\ufeff${claims}`,
			'[]',
			'null',
			'"text"',
			'{',
			Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
		];
		for (const payload of payloads) await expectOfflineRefusal(google.signTexts(header, payload), 'PC_TOKEN_MALFORMED');
		const twice = header.replace('{', '{"alg":"none",');
		await expectOfflineRefusal(google.signTexts(twice, claims), 'PC_TOKEN_MALFORMED');
	});
});

describe('the issuer', () => {
	it('must equal a configured one exactly, or no key is fetched', async () => {
		const { issuer, tenantId } = google.directory;
		const others = [
			`${issuer}/`,
			issuer.toUpperCase(),
			issuer.replace('/v2.0', ''),
			issuer.replace(tenantId, 'common'),
			issuer.replace('login.fake.example', 'login.fake.example.evil.example'),
			`https://sts.windows.net/${tenantId}/`,
			` ${issuer}`,
			[issuer],
			undefined,
			null,
		];
		for (const iss of others) await expectOfflineRefusal(google.token({ iss }), 'PC_TOKEN_ISSUER');
	});

	it('of one directory with the tid of another is refused, whoever signed it', async () => {
		const token = google.token({ tid: microsoft.directory.tenantId });
		await expectOfflineRefusal(token, 'PC_TOKEN_ISSUER');
		await expectOfflineRefusal(microsoft.sign(google.claims({ tid: microsoft.directory.tenantId })), 'PC_TOKEN_ISSUER');
	});

	it("cannot be claimed with another directory's key, even when both serve the same key set", async () => {
		await expectRefusal(microsoft.sign(google.claims()), 'PC_TOKEN_SIGNATURE');
		// One address for the keys of all tenants, as Entra's `common`: each key still serves its own issuer alone.
		const common = await startFakeDirectory();
		common.publish([google, microsoft].map(({ keys, directory }) => ({ ...keys[0]?.jwk, issuer: directory.issuer })));
		const shared = { ...google.directory, jwksUrl: common.directory.jwksUrl };
		await expect(openVerifier(shared)(google.token())).resolves.toBeDefined();
		await expectRefusal(microsoft.sign(google.claims()), 'PC_TOKEN_SIGNATURE', [shared]);
		await common.close();
	});

	it('may be of version 1 while the keys name version 2, when both are of one directory', async () => {
		const { tenantId } = google.directory;
		const version1 = { ...google.directory, issuer: `https://sts.windows.net/${tenantId}/` };
		const token = google.token({ iss: version1.issuer, ver: '1.0' });
		await expect(openVerifier(version1)(token)).resolves.toMatchObject({ issuer: version1.issuer });
		const foreign = { ...version1, tenantId: 'other', issuer: 'https://sts.windows.net/other/' };
		// None of the keys may sign for that tenant.
		await expectRefusal(google.token({ iss: foreign.issuer, tid: 'other', ver: '1.0' }), 'PC_DIRECTORY_UNAVAILABLE', [
			foreign,
		]);
	});
});

describe('the version', () => {
	const v1 = () => `https://sts.windows.net/${google.directory.tenantId}/`;
	const both = () => ({ ...google.directory, v1Issuer: v1() });

	it('agrees with the issuer, and both forms are of the same person', async () => {
		const second = await openVerifier(both())(google.token());
		const first = await openVerifier(both())(google.token({ iss: v1(), ver: '1.0' }));
		expect(first).toEqual(second);
		await expectRefusal(google.token({ iss: v1(), ver: '2.0' }), 'PC_TOKEN_ISSUER', [both()]);
		await expectRefusal(google.token({ ver: '1.0' }), 'PC_TOKEN_ISSUER', [both()]);
		for (const ver of [undefined, null, 2, '2', ['2.0']]) {
			await expectRefusal(google.token({ ver }), 'PC_TOKEN_ISSUER', [both()]);
		}
	});

	it('1 is refused where no issuer of it is named', async () => {
		await expectOfflineRefusal(google.token({ iss: v1(), ver: '1.0' }), 'PC_TOKEN_ISSUER');
	});

	it('of an issuer that is not of Entra’s form is not looked at', async () => {
		const plain = { ...google.directory, issuer: 'https://login.example/realm' };
		google.publish([{ ...google.keys[0]?.jwk }]);
		await expect(openVerifier(plain)(google.token({ iss: plain.issuer, ver: undefined }))).resolves.toBeDefined();
		google.publish(google.keys.map(({ jwk }) => ({ ...jwk, issuer: google.directory.issuer })));
	});
});

describe('the audience', () => {
	it('must be one of the configured texts, alone', async () => {
		const own = google.directory.audiences[0] as string;
		await expect(openVerifier()(google.token({ aud: [own] }))).resolves.toBeDefined();
		const others = [own.toUpperCase(), own.slice(1), `${own}/`, `api://${own}`, [own, GRAPH], [own, own], [], [[own]]];
		for (const aud of [...others, 7, null, undefined]) {
			await expectOfflineRefusal(google.token({ aud }), 'PC_TOKEN_AUDIENCE');
		}
	});

	it('of Microsoft Graph is named as that, whatever the issuer, with what to ask for instead', async () => {
		const { audiences, tenantId } = google.directory;
		const claims = { scp: 'User.Read', iss: `https://sts.windows.net/${tenantId}/`, ver: '1.0' };
		for (const aud of [GRAPH, [GRAPH], 'https://graph.microsoft.com', 'https://graph.microsoft.com/']) {
			const token = google.token({ ...claims, aud }, { header: { nonce: 'n' } });
			await expectOfflineRefusal(token, 'PC_TOKEN_GRAPH');
			await expect(openVerifier()(token)).rejects.toMatchObject({
				facts: { advice: `The audience to ask for is ${audiences[0]}.` },
			});
		}
		const asking = { ...google.directory, scopes: ['api://gateway/mcp.access'] };
		await expect(openVerifier(asking)(google.token({ aud: GRAPH }))).rejects.toMatchObject({
			facts: { advice: 'The scope to ask for is api://gateway/mcp.access.' },
		});
	});

	it('of an ID token is the client, so it is refused as what it is', async () => {
		await expectOfflineRefusal(google.token({ aud: 'client', scp: undefined, nonce: 'n' }), 'PC_TOKEN_KIND');
		await expectOfflineRefusal(google.token({ aud: 'client', scp: undefined, at_hash: 'h' }), 'PC_TOKEN_KIND');
		await expectOfflineRefusal(google.token({ aud: 'client', scp: undefined }), 'PC_TOKEN_AUDIENCE');
	});
});

describe('the signature', () => {
	it('must cover header and claims as they were sent', async () => {
		const token = google.token();
		const forged = google.token({ oid: 'someone-else' });
		const [header, , signature] = token.split('.');
		await expect(openVerifier()(token)).resolves.toBeDefined();
		await expectRefusal(`${header}.${forged.split('.')[1]}.${signature}`, 'PC_TOKEN_SIGNATURE');
	});

	it('error never quotes the token', async () => {
		const token = google.token({}, { key: { ...(await makeKey()), kid: google.keys[0]?.kid as string } });
		const error = await openVerifier()(token).catch((refusal: unknown) => refusal as Error);
		const told = JSON.stringify([error, String(error), (error as Error).stack]);
		for (const part of token.split('.')) expect(told).not.toContain(part);
	});
});
