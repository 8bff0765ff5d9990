import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConnectionTarget } from '../../src/credentials/oauth/access-tokens.ts';
import type { OAuth } from '../../src/credentials/oauth/create-oauth.ts';
import { errorCode } from '../../src/errors/portcullis-error.ts';
import { type ConnectingWorld, startConnectingWorld } from '../fakes/oauth/connecting-world.ts';
import { type OAuthService, startOAuthService } from '../fakes/oauth/third-party.ts';

const HOUR_MS = 3_600_000;
const FILES = { workspace: 'google', server: 'files' };

let service: OAuthService;
let world: ConnectingWorld;
let oauth: OAuth;
let people = 0;
beforeAll(async () => {
	service = await startOAuthService({ rotation: 'strict' });
	world = await startConnectingWorld({ google: { files: service } });
	oauth = world.process();
});
afterAll(async () => {
	await world.close();
	await service.close();
});

const codeOf = (attempt: unknown): Promise<unknown> => Promise.resolve(attempt).then(() => 'nothing', errorCode);

async function connected(): Promise<{ target: ConnectionTarget; token: string }> {
	const person = world.person(`person-${people++}`, ['google']);
	await world.connect(oauth, { ...FILES, person, login: person.name });
	const target = await world.targetOf(person, FILES);
	return { target, token: (await world.process().accessTokens.tokenFor(target)).reveal() };
}

const refreshes = (): number => service.server.granted('refresh_token');
/** A process at whose clock every token has ended. */
const late = () => world.process({ now: () => Date.now() + HOUR_MS });
const stateOf = async ({ credentialId }: ConnectionTarget) =>
	(await world.query('select state, reason, version from portcullis.credential where id = $1', [credentialId]))[0];

describe('an access token', () => {
	it('is at hand without asking anybody once it was read', async () => {
		const { target, token } = await connected();
		const { accessTokens } = world.process();
		expect((await accessTokens.tokenFor(target)).reveal()).toBe(token);
		const again = accessTokens.tokenFor(target);
		expect(again).not.toBeInstanceOf(Promise);
		expect(accessTokens.tokenFor(target)).toBe(again);
	});

	it('is renewed once when 200 calls in three processes meet its end', async () => {
		const { target, token } = await connected();
		const processes = [late(), late(), late()];
		const before = refreshes();
		const calls = Array.from({ length: 200 }, (_, index) => processes[index % 3]?.accessTokens.tokenFor(target));
		const tokens = new Set((await Promise.all(calls)).map((secret) => secret?.reveal()));
		expect(refreshes() - before).toBe(1);
		expect(tokens.size).toBe(1);
		expect(tokens).not.toContain(token);
		expect(await service.introspect([...tokens][0] ?? '')).toBeDefined();
	});

	it('is renewed again and again, with the refresh token that came last', async () => {
		const { target } = await connected();
		for (const hours of [1, 2, 3]) {
			const { accessTokens } = world.process({ now: () => Date.now() + hours * HOUR_MS });
			expect(await codeOf(accessTokens.tokenFor(target))).toBe('nothing');
		}
		expect(await stateOf(target)).toMatchObject({ state: 'ok', version: 1 });
	});

	it('is renewed beside the calls when its end is near, and they go on with it meanwhile', async () => {
		const { target, token } = await connected();
		let now = Date.now();
		const { accessTokens } = world.process({ now: () => now });
		await accessTokens.tokenFor(target);
		now += HOUR_MS - 60_000;
		const gate = service.server.hold('before');
		const meanwhile = accessTokens.tokenFor(target);
		expect(meanwhile).not.toBeInstanceOf(Promise);
		expect((await meanwhile).reveal()).toBe(token);
		await gate.arrived;
		gate.release();
		await expect.poll(async () => (await accessTokens.tokenFor(target)).reveal()).not.toBe(token);
	});

	it('is renewed for the others when whoever asked first has gone', async () => {
		const { target } = await connected();
		const { accessTokens } = late();
		const gate = service.server.hold('before');
		const before = refreshes();
		const gone = new AbortController();
		const first = Promise.race([
			accessTokens.tokenFor(target),
			new Promise((_, reject) => gone.signal.addEventListener('abort', () => reject(new Error('gone')))),
		]);
		await gate.arrived;
		gone.abort();
		await expect(first).rejects.toThrow('gone');
		const second = accessTokens.tokenFor(target);
		gate.release();
		expect(await codeOf(second)).toBe('nothing');
		expect(refreshes() - before).toBe(1);
	});

	it('stays what it was while the service fails, which is not asked again at once', async () => {
		const { target } = await connected();
		let now = Date.now() + HOUR_MS;
		const { accessTokens } = world.process({ now: () => now });
		service.server.failTokens(2, 503);
		const asked = service.server.seen.length;
		expect(await codeOf(accessTokens.tokenFor(target))).toBe('PC_OAUTH_UNAVAILABLE');
		const after = service.server.seen.length;
		expect(after).toBeGreaterThan(asked);
		expect(await codeOf(accessTokens.tokenFor(target))).toBe('PC_OAUTH_UNAVAILABLE');
		expect(service.server.seen.length).toBe(after);
		expect(await stateOf(target)).toMatchObject({ state: 'ok' });
		now += 1_500;
		expect(await codeOf(accessTokens.tokenFor(target))).toBe('PC_OAUTH_UNAVAILABLE');
		now += 60_000;
		expect(await codeOf(accessTokens.tokenFor(target))).toBe('nothing');
	});

	it('that cannot be renewed any more makes the connection need attention, in a sentence, once', async () => {
		const { target } = await connected();
		service.server.failTokens(1, 400, { error: 'invalid_grant' });
		expect(await codeOf(late().accessTokens.tokenFor(target))).toBe('PC_OAUTH_ENDED');
		expect(await stateOf(target)).toEqual({
			state: 'needs-attention',
			reason: 'The service says that the connection has ended there. Connect the account again.',
			version: 1,
		});
		const asked = service.server.seen.length;
		expect(await codeOf(late().accessTokens.tokenFor(target))).toBe('PC_OAUTH_ENDED');
		expect(service.server.seen.length).toBe(asked);
	});

	it('of a connection that was made anew is another one, and the old version gives none', async () => {
		const person = world.person('again', ['google']);
		await world.connect(oauth, { ...FILES, person, login: 'again' });
		const before = await world.targetOf(person, FILES);
		await world.connect(oauth, { ...FILES, person, login: 'again' });
		expect(await codeOf(late().accessTokens.tokenFor(before))).toBe('PC_CREDENTIAL_MISSING');
		expect(await codeOf(late().accessTokens.tokenFor(await world.targetOf(person, FILES)))).toBe('nothing');
	});
});

describe('a token that the server refuses before its time', () => {
	it('is renewed once, and a new one that is refused as well is not', async () => {
		const { target } = await connected();
		const { accessTokens } = world.process();
		const first = await accessTokens.tokenFor(target);
		const before = refreshes();
		expect(await Promise.all([1, 2, 3].map(() => accessTokens.refused(target, first)))).toEqual([true, true, true]);
		expect(refreshes() - before).toBe(1);
		const second = await accessTokens.tokenFor(target);
		expect(second.reveal()).not.toBe(first.reveal());
		expect(accessTokens.refused(target, second)).toBeUndefined();
		expect(refreshes() - before).toBe(1);
	});

	it('is not renewed where another process has done so already', async () => {
		const { target } = await connected();
		const [one, two] = [world.process(), world.process()];
		const token = await one.accessTokens.tokenFor(target);
		const same = await two.accessTokens.tokenFor(target);
		const before = refreshes();
		expect(await one.accessTokens.refused(target, token)).toBe(true);
		expect(await two.accessTokens.refused(target, same)).toBe(true);
		expect(refreshes() - before).toBe(1);
	});
});

describe('new tokens', () => {
	it('are stored before anybody gets them', async () => {
		const { target, token } = await connected();
		const gate = service.server.hold('after');
		const renewed = late().accessTokens.tokenFor(target);
		await gate.arrived;
		gate.release();
		const next = (await renewed).reveal();
		expect(next).not.toBe(token);
		expect((await world.process().accessTokens.tokenFor(target)).reveal()).toBe(next);
	});

	it('are not lost when the database goes away between the answer and the storing', async () => {
		const { target, token } = await connected();
		const process = late();
		const gate = service.server.hold('after');
		const before = refreshes();
		const renewed = process.accessTokens.tokenFor(target);
		await gate.arrived;
		await world.query(`select pg_terminate_backend(pid) from pg_stat_activity
			where state = 'idle in transaction' and datname = current_database()`);
		gate.release();
		expect((await renewed).reveal()).not.toBe(token);
		expect(refreshes() - before).toBe(1);
		expect(await stateOf(target)).toMatchObject({ state: 'ok' });
	});
});
