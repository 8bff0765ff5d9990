import { createHash, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeDirectory, type FakeKey, makeKey, startFakeDirectory } from '../../../test/fakes/directory.ts';
import { snapshotOf } from '../../../test/fakes/snapshot.ts';
import type { EdgeMechanism, ListenerSettings } from '../../config/listeners.ts';
import type { Snapshot } from '../../config/snapshot.ts';
import { errorCode } from '../../errors/portcullis-error.ts';
import { type Authenticator, createAuthenticate } from '../authenticate.ts';
import type { Presented } from '../presented.ts';
import type { Principal } from '../principal.ts';

const START_MS = Date.UTC(2026, 10, 23, 12, 0, 0, 700);
const SECRET = 'a-secret-of-the-edge-0123456789-0123';
const OID = '3f1c7a52-9d0e-4b6b-8c55-0f2f6a1d2e01';

let keys: readonly [FakeKey, FakeKey];
let nowMs: number;
let google: FakeDirectory;
let edge: FakeDirectory;
let snapshot: Snapshot;
let authenticator: Authenticator;

beforeAll(async () => {
	keys = [await makeKey(), await makeKey()];
});

beforeEach(async () => {
	nowMs = START_MS;
	google = await startFakeDirectory({ id: 'google', key: keys[0], now: () => nowMs });
	edge = await startFakeDirectory({ issuer: 'edge', audience: 'gateway', key: keys[1], now: () => nowMs });
	snapshot = snapshotWith('write', 1);
	authenticator = createAuthenticate({
		snapshots: { current: () => snapshot, onChange: () => undefined },
		listeners: [listener('asserted', asserting()), listener('shared', sharing())],
		now: () => nowMs,
		steadyNow: () => nowMs,
	});
});

afterEach(async () => {
	authenticator.close();
	await google.close();
	await edge.close();
});

function snapshotWith(level: 'read' | 'write', version: number): Snapshot {
	const match = { claim: 'group', value: 'MCP-Google' } as const;
	const rule = { name: 'grants[0]', directory: 'google', match, workspace: 'google', level };
	return snapshotOf(['google'], { version, directories: [google.directory], grantRules: [rule] });
}

function listener(name: string, mechanism: EdgeMechanism): ListenerSettings {
	return { name, host: '127.0.0.1', port: 0, tls: undefined, trustedProxies: [], edge: mechanism };
}

function asserting(): EdgeMechanism {
	const { jwksUrl } = edge.directory;
	const signing = { algorithms: ['RS256'], jwksUrl, publicKeys: [] } as const;
	return { mechanism: 'assertion', issuer: 'edge', audience: 'gateway', ...signing, directories: ['google'] };
}

function sharing(): EdgeMechanism {
	const digests = [createHash('sha256').update(SECRET).digest('hex')];
	return { mechanism: 'shared-secret', header: 'x-edge-secret', digests, directories: ['google', 'gone'] };
}

type Sent = Readonly<Record<string, string>>;

/** A request at a listener; each is one of its own. */
function at(name: string, headers: Sent): Presented {
	const via = { listener: name, method: 'POST', target: '/mcp', certificate: undefined };
	return { rawHeaders: Object.entries(headers).flat(), remoteAddress: '127.0.0.1', via };
}

const described = (more: Sent = {}): Presented =>
	at('shared', {
		...{ 'X-Edge-Secret': SECRET, 'X-User-Id': OID, 'X-Tenant-ID': google.directory.tenantId },
		...{ 'X-User-Groups': 'MCP-Google', ...more },
	});

function asserted(claims: object = {}, more: Sent = {}): Presented {
	const iat = Math.floor(nowMs / 1000);
	const { tenantId: tid } = google.directory;
	const own = {
		iss: 'edge',
		aud: 'gateway',
		iat,
		exp: iat + 60,
		jti: randomUUID(),
		sub: OID,
		tid,
		groups: ['MCP-Google'],
	};
	return at('asserted', { 'X-Edge-Assertion': edge.sign({ ...own, ...claims }), ...more });
}

const judge = (presented: Presented): Promise<Principal> => Promise.resolve(authenticator.authenticate(presented));
const codeOf = (presented: Presented): Promise<unknown> => judge(presented).then(() => 'accepted', errorCode);

describe('somebody whom an edge describes', () => {
	it('stands as described for five minutes from the request, and anew with the next', async () => {
		const request = described();
		const principal = await judge(request);
		expect(principal.expiresAt).toBe((Math.floor(START_MS / 1000) + 300) * 1000);
		nowMs += 100_000;
		expect((await judge(request)).expiresAt).toBe(principal.expiresAt);
		nowMs = principal.expiresAt + 60_000 - 1;
		expect(await codeOf(request)).toBe('accepted');
		nowMs += 1;
		expect(await codeOf(request)).toBe('PC_EDGE_REFUSED');
		expect(await codeOf(described())).toBe('accepted');
	});

	it('may not leave the directory out where several are listed, whatever is configured', async () => {
		expect(await codeOf(described({ 'X-Tenant-ID': '' }))).toBe('PC_EDGE_IDENTITY');
	});

	it('is the same with any name and address, and holds the same', async () => {
		const plain = await judge(described());
		await fc.assert(
			fc.asyncProperty(
				fc.stringMatching(/^[\x20-\x7e]*$/),
				fc.stringMatching(/^[\x20-\x7e]*$/),
				async (name, email) => {
					const { key, grants, platformLevel } = await judge(described({ 'X-User-Name': name, 'X-User-Email': email }));
					expect({ key, grants, platformLevel }).toEqual({
						key: plain.key,
						grants: plain.grants,
						platformLevel: plain.platformLevel,
					});
				},
			),
			{ numRuns: 50 },
		);
	});

	it('is shown by a name that no header can forge lines with', async () => {
		const zoe = Buffer.from('Zoë').toString('latin1');
		expect((await judge(described({ 'X-User-Name': zoe }))).name).toBe('Zoë');
		expect((await judge(described({ 'X-User-Email': 'person@company.example' }))).name).toBe('person@company.example');
		expect((await judge(described())).name).toBe(OID);
	});
});

describe('an assertion', () => {
	it('is good for what one request asks, until it expires', async () => {
		const request = asserted();
		const principal = await judge(request);
		expect(principal).toMatchObject({ oid: OID, vouchedBy: 'edge:asserted:assertion' });
		expect(principal.expiresAt).toBe((Math.floor(START_MS / 1000) + 60) * 1000);
		expect(await judge(request)).toBe(principal);
		const { rawHeaders } = request;
		expect(await codeOf({ ...request, rawHeaders })).toBe('PC_EDGE_REFUSED');
		nowMs = principal.expiresAt + 60_000;
		expect(await codeOf(request)).toBe('PC_EDGE_REFUSED');
	});

	it('is good in the second before it is too old or too young, and not after', async () => {
		const times = (iat: number, exp: number) => {
			const second = Math.floor(nowMs / 1000);
			return codeOf(asserted({ iat: second + iat, exp: second + exp }));
		};
		nowMs = START_MS - (START_MS % 1000);
		expect(await times(-359, -59)).toBe('accepted');
		expect(await times(-360, -60)).toBe('PC_EDGE_REFUSED');
		expect(await times(60, 61)).toBe('accepted');
		expect(await times(61, 62)).toBe('PC_EDGE_REFUSED');
		expect(await times(0, 300)).toBe('accepted');
		expect(await times(0, 301)).toBe('PC_EDGE_REFUSED');
	});

	it('is not used up by one that is refused', async () => {
		const jti = randomUUID();
		expect(await codeOf(asserted({ jti, aud: 'another' }))).toBe('PC_EDGE_REFUSED');
		expect(await codeOf(asserted({ jti }))).toBe('accepted');
	});

	it('is refused otherwise while the keys of the edge cannot be read', async () => {
		edge.setHealth('down');
		expect(await codeOf(asserted())).toBe('PC_DIRECTORY_UNAVAILABLE');
	});

	it('ends with the bearer beside it where that ends first', async () => {
		const exp = Math.floor(START_MS / 1000) + 30;
		const Authorization = `Bearer ${google.token({ oid: OID, exp })}`;
		expect((await judge(asserted({}, { Authorization }))).expiresAt).toBe(exp * 1000);
	});
});

describe('a swap of the configuration', () => {
	it('renews whom an edge vouched for as it does others', async () => {
		const principal = await judge(asserted());
		expect(principal.grants.get('google')?.level).toBe('write');
		snapshot = snapshotWith('read', 2);
		expect(authenticator.renew(principal)?.grants.get('google')?.level).toBe('read');
	});

	it('that takes the directory away is one for requests that were seen before, too', async () => {
		const request = described();
		expect(await codeOf(request)).toBe('accepted');
		snapshot = snapshotOf(['google'], { version: 2, directories: [] });
		expect(await codeOf(request)).toBe('PC_EDGE_IDENTITY');
		expect(await codeOf(described())).toBe('PC_EDGE_IDENTITY');
	});
});

describe('the main listener', () => {
	it('reads nothing of an edge', async () => {
		const { rawHeaders, remoteAddress } = described();
		expect(
			await Promise.resolve()
				.then(() => codeOf({ rawHeaders, remoteAddress }))
				.catch(errorCode),
		).toBe('PC_TOKEN_MISSING');
	});
});
