import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type FakeDirectory, type FakeKey, makeKey, startFakeDirectory } from '../../test/fakes/directory.ts';
import { snapshotOf as fakeSnapshot } from '../../test/fakes/snapshot.ts';
import type { Directory, GrantRule, Snapshot, SnapshotSource } from '../config/snapshot.ts';
import { type Authenticator, createAuthenticate } from './authenticate.ts';
import { fetchKeys } from './fetch-keys.ts';
import type { Presented } from './presented.ts';
import type { Principal } from './principal.ts';

const START_MS = Date.UTC(2026, 10, 22, 12);

let keys: readonly FakeKey[];
let nowMs: number;
let steadyMs: number;
let google: FakeDirectory;
let microsoft: FakeDirectory;
const opened: Authenticator[] = [];

beforeAll(async () => {
	keys = [await makeKey(), await makeKey()];
});

beforeEach(async () => {
	const [first, second] = keys as [FakeKey, FakeKey];
	nowMs = START_MS;
	steadyMs = 0;
	google = await startFakeDirectory({ id: 'google', key: first, now: () => START_MS });
	microsoft = await startFakeDirectory({ id: 'microsoft', key: second, now: () => START_MS });
});

afterEach(async () => {
	for (const authenticator of opened.splice(0)) authenticator.close();
	await google.close();
	await microsoft.close();
});

const groupRule = (value: string, workspace: string): GrantRule => ({
	name: `grants[${value}]`,
	directory: undefined,
	match: { claim: 'group', value },
	workspace,
	level: 'write',
});

function snapshotOf(version: number, directories: readonly Directory[], grantRules: readonly GrantRule[]): Snapshot {
	return fakeSnapshot(['google', 'microsoft'], { version, directories, grantRules });
}

interface Setup extends Authenticator {
	/** Swaps the snapshot for one with other directories or rules. */
	swap(change: { readonly directories?: readonly Directory[]; readonly rules?: readonly GrantRule[] }): void;
}

function open(jwksFetch = fetchKeys): Setup {
	let snapshot = snapshotOf(1, [google.directory, microsoft.directory], [groupRule('MCP-Google', 'google')]);
	const snapshots: SnapshotSource = { current: () => snapshot, onChange: () => undefined };
	const authenticator = createAuthenticate({ snapshots, now: () => nowMs, steadyNow: () => steadyMs, jwksFetch });
	opened.push(authenticator);
	return {
		...authenticator,
		swap: ({ directories = snapshot.directories, rules = snapshot.grantRules }) => {
			snapshot = snapshotOf(snapshot.version + 1, directories, rules);
		},
	};
}

const by = (rawHeaders: readonly string[]): Presented => ({ rawHeaders, remoteAddress: '127.0.0.1' });
const headers = (token: string): Presented => by(['Authorization', `Bearer ${token}`]);

const codeOf = async (judge: () => Principal | Promise<Principal>): Promise<unknown> => {
	try {
		await judge();
		return 'accepted';
	} catch (error) {
		return (error as { code?: unknown }).code;
	}
};

describe('a principal', () => {
	it('is made of verified claims and stored grants', async () => {
		const { authenticate } = open();
		const principal = await authenticate(headers(google.token({ groups: ['MCP-Google'] })));
		const { issuer, tenantId } = google.directory;
		expect(principal).toMatchObject({ issuer, tid: tenantId, oid: '0a1b2c3d-person', name: 'Person' });
		expect(principal.key).toBe(JSON.stringify([issuer, tenantId, '0a1b2c3d-person']));
		expect([...principal.grants.keys()]).toEqual(['google']);
		expect(Object.isFrozen(principal)).toBe(true);
	});

	it('is not made from two Authorization headers, none, or a token elsewhere', async () => {
		const { authenticate } = open();
		const good = headers(google.token());
		expect(await codeOf(() => authenticate(good))).toBe('accepted');
		expect(await codeOf(() => authenticate(by([...good.rawHeaders, ...good.rawHeaders])))).toBe('PC_HEADER_INVALID');
		expect(await codeOf(() => authenticate(by([])))).toBe('PC_TOKEN_MISSING');
		expect(await codeOf(() => authenticate(by(['Cookie', good.rawHeaders[1] ?? ''])))).toBe('PC_TOKEN_MISSING');
	});

	it('is the same, with the same grants, whatever name, e-mail address or user name the token shows', async () => {
		const { authenticateToken } = open();
		const plain = await authenticateToken(google.token({ groups: ['MCP-Google'] }));
		// No objects: one whose member names are twins makes the whole token ambiguous, which is another test's matter.
		const odd = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string()));
		const shown = fc.record(
			{ name: odd, email: odd, upn: fc.string(), preferred_username: fc.string() },
			{ requiredKeys: [] },
		);
		await fc.assert(
			fc.asyncProperty(shown, async (display) => {
				const token = google.token({ groups: ['MCP-Google'], email_verified: true, ...display });
				const principal = await authenticateToken(token);
				expect(principal.key).toBe(plain.key);
				expect(principal.grants).toEqual(plain.grants);
			}),
			{ numRuns: 50 },
		);
	});

	it('has a key that no other (issuer, tid, oid) shares', async () => {
		const { authenticateToken } = open();
		const oids = ['a', 'a"', 'a\\"', '","', 'a,b', '\\u0061'];
		const tokens = [google, microsoft].flatMap((from) => oids.map((oid) => from.token({ oid })));
		const keys = await Promise.all(tokens.map(async (token) => (await authenticateToken(token)).key));
		expect(new Set(keys).size).toBe(tokens.length);
	});
});

describe('a verified token', () => {
	it('is answered at once, with the same object, within the minute', async () => {
		const { authenticate } = open();
		const token = google.token();
		const first = authenticate(headers(token));
		expect(first).toBeInstanceOf(Promise);
		const principal = await first;
		steadyMs += 59_999;
		nowMs += 59_999;
		expect(authenticate(headers(token))).toBe(principal);
		steadyMs += 1;
		nowMs += 1;
		expect(authenticate(headers(token))).toBeInstanceOf(Promise);
	});

	it('is verified once for callers at the same time', async () => {
		const { authenticateToken } = open();
		const token = google.token();
		const principals = await Promise.all(Array.from({ length: 20 }, () => authenticateToken(token)));
		expect(new Set(principals).size).toBe(1);
	});

	it('is never remembered beyond exp, and accepted up to its leeway by a new verification', async () => {
		const { authenticateToken } = open();
		const token = google.token({ exp: START_MS / 1000 + 10 });
		await authenticateToken(token);
		nowMs += 9_999;
		expect(authenticateToken(token)).not.toBeInstanceOf(Promise);
		nowMs += 1;
		expect(authenticateToken(token)).toBeInstanceOf(Promise);
		nowMs = START_MS + 70_000 - 1;
		expect(await codeOf(() => authenticateToken(token))).toBe('accepted');
		nowMs += 1;
		expect(await codeOf(() => authenticateToken(token))).toBe('PC_TOKEN_EXPIRED');
	});

	it('is not believed longer because the wall clock was set back', async () => {
		const { authenticateToken } = open();
		const token = google.token();
		await authenticateToken(token);
		steadyMs += 60_000;
		nowMs -= 2 * 3_600_000;
		expect(await codeOf(() => authenticateToken(token))).toBe('PC_TOKEN_NOT_YET_VALID');
	});

	it('that was refused is judged anew each time', async () => {
		const { authenticateToken } = open();
		const token = google.token({ nbf: START_MS / 1000 + 90 });
		expect(await codeOf(() => authenticateToken(token))).toBe('PC_TOKEN_NOT_YET_VALID');
		nowMs += 30_000;
		expect(await codeOf(() => authenticateToken(token))).toBe('accepted');
	});

	it('does not lend its verification to one that differs in the signature only', async () => {
		const { authenticateToken } = open();
		const token = google.token();
		await authenticateToken(token);
		const other = google.token({ uti: 'other' });
		const forged = `${token.slice(0, token.lastIndexOf('.'))}${other.slice(other.lastIndexOf('.'))}`;
		expect(await codeOf(() => authenticateToken(forged))).toBe('PC_TOKEN_SIGNATURE');
	});
});

describe('a new snapshot', () => {
	it('gives remembered tokens new grants at once, without verifying them again', async () => {
		const setup = open();
		const token = google.token({ groups: ['MCP-Google'] });
		const before = await setup.authenticateToken(token);
		setup.swap({ rules: [groupRule('MCP-Google', 'microsoft')] });
		const after = setup.authenticateToken(token) as Principal;
		expect([...before.grants.keys()]).toEqual(['google']);
		expect([...after.grants.keys()]).toEqual(['microsoft']);
		expect(setup.authenticateToken(token)).toBe(after);
	});

	it('makes a known principal anew by the claims it was made of, and no other', async () => {
		const setup = open();
		const before = await setup.authenticateToken(google.token({ groups: ['MCP-Google'] }));
		expect(setup.renew(before)).toBe(before);
		setup.swap({ rules: [groupRule('MCP-Google', 'microsoft')] });
		const after = setup.renew(before);
		expect([...(after?.grants.keys() ?? [])]).toEqual(['microsoft']);
		expect(setup.renew(after as Principal)).toBe(after);
		expect(setup.renew({ ...before })).toBeUndefined();
	});

	it('that asks for groups renews nobody whose groups are unknown', async () => {
		const setup = open();
		setup.swap({ rules: [] });
		const before = await setup.authenticateToken(google.token({ groups: undefined, hasgroups: true }));
		setup.swap({ rules: [groupRule('MCP-Google', 'microsoft')] });
		expect(setup.renew(before)).toBeUndefined();
	});

	it('with equal directories keeps what was verified', async () => {
		const setup = open();
		const token = google.token();
		await setup.authenticateToken(token);
		setup.swap({ directories: structuredClone([google.directory, microsoft.directory]) });
		expect(setup.authenticateToken(token)).not.toBeInstanceOf(Promise);
	});

	it('without a directory refuses its remembered tokens and leaves the others alone', async () => {
		const setup = open();
		const [removed, kept] = [google.token(), microsoft.token()];
		await setup.authenticateToken(removed);
		await setup.authenticateToken(kept);
		setup.swap({ directories: [microsoft.directory] });
		expect(await codeOf(() => setup.authenticateToken(removed))).toBe('PC_TOKEN_ISSUER');
		expect(await codeOf(() => setup.authenticateToken(kept))).toBe('accepted');
		expect(microsoft.fetches).toBe(1);
	});

	it('with another audience refuses tokens for the former one', async () => {
		const setup = open();
		const token = google.token();
		await setup.authenticateToken(token);
		setup.swap({ directories: [{ ...google.directory, audiences: ['another'] }] });
		expect(await codeOf(() => setup.authenticateToken(token))).toBe('PC_TOKEN_AUDIENCE');
	});

	it('with another key address forgets the keys of the former one', async () => {
		const setup = open();
		const token = google.token();
		await setup.authenticateToken(token);
		setup.swap({ directories: [{ ...google.directory, jwksUrl: microsoft.directory.jwksUrl }] });
		// Its only key belongs to another issuer, so there is no usable one.
		expect(await codeOf(() => setup.authenticateToken(token))).toBe('PC_DIRECTORY_UNAVAILABLE');
	});

	it('that comes while a token is being verified decides about it', async () => {
		let release = (): void => undefined;
		const gate = new Promise<void>((resolve) => {
			release = resolve;
		});
		const setup = open(async (url, signal) => {
			const text = await fetchKeys(url, signal);
			await gate;
			return text;
		});
		const waiting = codeOf(() => setup.authenticateToken(google.token()));
		setup.swap({ directories: [microsoft.directory] });
		release();
		expect(await waiting).toBe('PC_TOKEN_ISSUER');
	});
});

it('a token whose groups were too long to include is refused as long as a group rule could decide', async () => {
	const setup = open();
	const token = google.token({
		groups: undefined,
		_claim_names: { groups: 'src1' },
		_claim_sources: { src1: { endpoint: google.directory.jwksUrl } },
	});
	expect(await codeOf(() => setup.authenticateToken(google.token({ groups: undefined })))).toBe('accepted');
	expect(await codeOf(() => setup.authenticateToken(token))).toBe('PC_TOKEN_GROUPS_UNKNOWN');
	expect(await codeOf(() => setup.authenticateToken(token))).toBe('PC_TOKEN_GROUPS_UNKNOWN');
	setup.swap({ rules: [] });
	expect(await codeOf(() => setup.authenticateToken(token))).toBe('accepted');
	expect(google.fetches).toBe(1);
});

it('10,000 tokens with invented key ids cost no key fetch and disturb nobody', async () => {
	const { authenticateToken } = open();
	const good = google.token();
	await authenticateToken(good);
	const [, payload, signature] = good.split('.');
	const flood = Array.from({ length: 10_000 }, (_, index) => {
		const header = Buffer.from(JSON.stringify({ alg: 'RS256', kid: `invented-${index}` })).toString('base64url');
		return codeOf(() => authenticateToken(`${header}.${payload}.${signature}`));
	});
	expect(new Set(await Promise.all(flood))).toEqual(new Set(['PC_TOKEN_SIGNATURE']));
	expect(google.fetches).toBe(1);
	expect(await codeOf(() => authenticateToken(google.token({ uti: 'new' })))).toBe('accepted');
});
