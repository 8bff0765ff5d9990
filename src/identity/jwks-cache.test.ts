import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
	type FakeDirectory,
	type FakeKey,
	type Health,
	makeKey,
	startFakeDirectory,
} from '../../test/fakes/directory.ts';
import { fetchKeys } from './fetch-keys.ts';
import { createJwksCache, type JwksCache, type JwksCacheOptions, type KeysFetched } from './jwks-cache.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

let key: FakeKey;
let directory: FakeDirectory;
let nowMs: number;
let outcomes: KeysFetched[];
let waiting: (() => void)[];
const caches: JwksCache[] = [];

beforeAll(async () => {
	key = await makeKey();
});

beforeEach(async () => {
	directory = await startFakeDirectory({ key });
	nowMs = 0;
	outcomes = [];
	waiting = [];
});

afterEach(async () => {
	for (const cache of caches.splice(0)) cache.close();
	await directory.close();
});

function openCache(overrides: Partial<JwksCacheOptions> = {}): JwksCache {
	// A fetch that outlives its test must not be counted by the next.
	const seen = outcomes;
	const cache = createJwksCache({
		url: directory.directory.jwksUrl,
		fetchKeys,
		now: () => nowMs,
		onFetched: (outcome) => {
			seen.push(outcome);
			for (const resolve of waiting.splice(0)) resolve();
		},
		...overrides,
	});
	caches.push(cache);
	return cache;
}

const firstKid = (): string => directory.keys[0]?.kid as string;

/** Settles when as many fetches have ended; a refresh in the background is seen by nothing else. */
async function fetchesEnded(count: number): Promise<void> {
	while (outcomes.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
}

describe('fetching', () => {
	it('happens once for many callers at once, and not again while the set is young', async () => {
		const cache = openCache();
		const found = await Promise.all(Array.from({ length: 50 }, () => cache.keyFor(firstKid())));
		expect(new Set(found).size).toBe(1);
		expect(found[0]).toBeDefined();
		nowMs = 5 * MINUTE - 1;
		await cache.keyFor(firstKid());
		expect(directory.fetches).toBe(1);
	});

	it('happens in the background when the set is five minutes old', async () => {
		const cache = openCache();
		const old = firstKid();
		await cache.keyFor(old);
		await directory.rotate('retire');
		nowMs = 5 * MINUTE;
		await expect(cache.keyFor(old)).resolves.toBeDefined();
		await fetchesEnded(2);
		await expect(cache.keyFor(old)).resolves.toBeUndefined();
		expect(directory.fetches).toBe(2);
	});

	it('is waited for after an idle time, so that a removed key is not believed once more', async () => {
		const cache = openCache();
		const old = firstKid();
		await cache.keyFor(old);
		await directory.rotate('retire');
		nowMs = 10 * MINUTE;
		await expect(cache.keyFor(old)).resolves.toBeUndefined();
	});

	it('finds a rotated key at its first use, and the old one as long as it is published', async () => {
		const cache = openCache();
		const old = firstKid();
		await cache.keyFor(old);
		const { kid } = await directory.rotate('keep');
		nowMs = 30 * SECOND;
		await expect(cache.keyFor(kid)).resolves.toBeDefined();
		await expect(cache.keyFor(old)).resolves.toBeDefined();
		expect(directory.fetches).toBe(2);
	});

	it('happens at most once in 30 seconds however many unknown key ids come', async () => {
		const cache = openCache();
		await cache.keyFor(firstKid());
		const flood = async (): Promise<void> => {
			const found = await Promise.all(Array.from({ length: 1000 }, (_, index) => cache.keyFor(`invented-${index}`)));
			expect(found.every((key) => key === undefined)).toBe(true);
		};
		nowMs = 30 * SECOND - 1;
		await flood();
		expect(directory.fetches).toBe(1);
		nowMs = 30 * SECOND;
		await flood();
		await flood();
		expect(directory.fetches).toBe(2);
		nowMs = 60 * SECOND;
		await flood();
		expect(directory.fetches).toBe(3);
		await expect(cache.keyFor(firstKid())).resolves.toBeDefined();
	});
});

describe('an outage', () => {
	const troubles: readonly Health[] = ['down', 'error', 'html', 'empty', 'huge', 'redirect', 'hang'];
	// Only a directory that hangs makes a test wait for the limit; a healthy answer stays far below it.
	const times = { fetchLimitMs: 400 };

	it.each(troubles)('(%s) never replaces the last good set, which serves up to the stale limit', async (health) => {
		const cache = openCache({ times });
		await cache.keyFor(firstKid());
		directory.setHealth(health);
		for (const at of [6 * MINUTE, 2 * HOUR, 24 * HOUR - 1]) {
			nowMs = at;
			const ended = outcomes.length + 1;
			await expect(cache.keyFor(firstKid())).resolves.toBeDefined();
			await fetchesEnded(ended);
		}
		nowMs = 24 * HOUR;
		await expect(cache.keyFor(firstKid())).rejects.toMatchObject({ code: 'PC_DIRECTORY_UNAVAILABLE' });
		directory.setHealth('up');
		nowMs += 5 * SECOND;
		await expect(cache.keyFor(firstKid())).resolves.toBeDefined();
	});

	it('that is known keeps nobody waiting: a known key is answered before the next try has failed', async () => {
		const cache = openCache();
		await cache.keyFor(firstKid());
		directory.setHealth('error');
		nowMs = 6 * MINUTE;
		await cache.keyFor(firstKid());
		await fetchesEnded(2);
		directory.setHealth('hang');
		nowMs = HOUR;
		await expect(cache.keyFor(firstKid())).resolves.toBeDefined();
		expect(outcomes).toHaveLength(2);
	});

	it.each(troubles)('(%s) before any good set makes the directory unavailable until it recovers', async (health) => {
		const cache = openCache({ times });
		directory.setHealth(health);
		await expect(cache.keyFor(firstKid())).rejects.toMatchObject({ code: 'PC_DIRECTORY_UNAVAILABLE' });
		await expect(cache.keyFor(firstKid())).rejects.toMatchObject({ code: 'PC_DIRECTORY_UNAVAILABLE' });
		expect(directory.fetches).toBe(1);
		expect(outcomes).toMatchObject([{ keys: 0, failure: expect.any(Error) as Error }]);
		directory.setHealth('up');
		nowMs = 5 * SECOND;
		await expect(cache.keyFor(firstKid())).resolves.toBeDefined();
		expect(directory.strayRequests).toBe(0);
	});
});

describe('a key', () => {
	it('is used only when it is an RSA signing key of 2048 bits or more with a short id', async () => {
		const good = key.jwk;
		const small = (await makeKey('rsa', 1024)).jwk;
		const curve = (await makeKey('ec')).jwk;
		const entries = [
			{ ...good, kid: 'good' },
			{ ...good, kid: 'no-use', use: undefined, alg: undefined },
			{ ...good, kid: 'encryption', use: 'enc' },
			{ ...good, kid: 'other-alg', alg: 'RS512' },
			{ ...good, kid: 'hmac', kty: 'oct', k: 'c2VjcmV0' },
			{ ...good, kid: 'exponent-1', e: 'AQ' },
			{ ...good, kid: 'no-modulus', n: undefined },
			{ ...good, kid: 'strange-issuer', issuer: 7 },
			{ ...good, kid: 'k'.repeat(257) },
			{ ...good, kid: 7 },
			{ ...small, kid: 'small' },
			{ ...curve, kid: 'curve' },
			null,
			'text',
		];
		directory.publish(entries);
		const cache = openCache();
		for (const kid of ['good', 'no-use']) await expect(cache.keyFor(kid)).resolves.toBeDefined();
		const refused = ['encryption', 'other-alg', 'hmac', 'exponent-1', 'no-modulus', 'strange-issuer', 'small', 'curve'];
		for (const kid of [...refused, 'k'.repeat(257), '7']) await expect(cache.keyFor(kid)).resolves.toBeUndefined();
	});

	it('of an issuer that is not the directory is left out', async () => {
		directory.publish([
			{ ...key.jwk, kid: 'own', issuer: 'https://own' },
			{ ...key.jwk, kid: 'foreign', issuer: 'https://foreign' },
		]);
		const cache = openCache({ ofIssuer: (issuer) => issuer === 'https://own' });
		await expect(cache.keyFor('own')).resolves.toBeDefined();
		await expect(cache.keyFor('foreign')).resolves.toBeUndefined();
	});
});

describe('the address', () => {
	it.each([
		'http://directory.example/keys',
		'http://127.0.0.1.evil.example/keys',
		'http://[::2]/keys',
		'https://user:secret@directory.example/keys',
		'ftp://127.0.0.1/keys',
		'file:///etc/passwd',
		'data:application/json,{}',
		'not an address',
	])('%s is refused before anything is sent', async (url) => {
		const cache = openCache({ url });
		await expect(cache.keyFor('any')).rejects.toMatchObject({ code: 'PC_DIRECTORY_UNAVAILABLE' });
		expect(String(outcomes[0]?.failure)).toMatch(/must be https|Invalid URL/);
	});

	it('is read with its connection closed afterwards', async () => {
		const connections: (string | undefined)[] = [];
		const server = createServer((request, response) => {
			connections.push(request.headers.connection);
			response.end(JSON.stringify({ keys: directory.keys.map((key) => key.jwk) }));
		});
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		const url = `http://localhost:${(server.address() as AddressInfo).port}/`;
		await expect(openCache({ url }).keyFor(firstKid())).resolves.toBeDefined();
		// `close` waits for open connections: it returns because none was kept.
		await new Promise((resolve) => server.close(resolve));
		expect(connections).toEqual(['close']);
	});
});

it('closing aborts the fetch in flight and makes no other', async () => {
	const cache = openCache();
	directory.setHealth('hang');
	const asked = cache.keyFor(firstKid());
	cache.close();
	await expect(asked).rejects.toMatchObject({ code: 'PC_DIRECTORY_UNAVAILABLE' });
	nowMs = HOUR;
	await expect(cache.keyFor(firstKid())).rejects.toMatchObject({ code: 'PC_DIRECTORY_UNAVAILABLE' });
	expect(directory.fetches).toBeLessThanOrEqual(1);
});
