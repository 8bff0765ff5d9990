import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OAuth } from '../../src/credentials/oauth/create-oauth.ts';
import { errorCode } from '../../src/errors/portcullis-error.ts';
import { createBrowser } from '../fakes/oauth/browser.ts';
import { type ConnectingWorld, ORIGIN, startConnectingWorld } from '../fakes/oauth/connecting-world.ts';
import { type OAuthService, startOAuthService } from '../fakes/oauth/third-party.ts';

let service: OAuthService;
let other: OAuthService;
let world: ConnectingWorld;
let oauth: OAuth;
beforeAll(async () => {
	[service, other] = await Promise.all([startOAuthService(), startOAuthService()]);
	world = await startConnectingWorld({ google: { files: service, mail: other }, microsoft: { files: service } });
	oauth = world.process();
});
afterAll(async () => {
	await world.close();
	await Promise.all([service.close(), other.close()]);
});

const FILES = { workspace: 'google', server: 'files' };
const codeOf = (attempt: Promise<unknown>): Promise<unknown> => attempt.then(() => 'nothing', errorCode);

const query: ConnectingWorld['query'] = (text, values) => world.query(text, values);

describe('connecting an account', () => {
	it('shows it as connected, as whom and since when, to the person alone', async () => {
		const [ada, bob] = [world.person('ada', ['google']), world.person('bob', ['google'])];
		expect(await oauth.connections.list(ada)).toMatchObject([
			{ ...FILES, way: 'oauth', whose: 'principal', state: 'none', asks: [] },
			{ workspace: 'google', server: 'mail', state: 'none' },
		]);
		await world.connect(oauth, { ...FILES, person: ada, login: 'ada' });
		const [files] = await oauth.connections.list(ada);
		expect(files).toMatchObject({ ...FILES, state: 'ok', needsAttention: undefined, expiresAt: undefined });
		expect(files?.since).toBeGreaterThan(Date.now() - 60_000);
		expect((await oauth.connections.list(bob)).map(({ state }) => state)).toEqual(['none', 'none']);
	});

	it('keeps nothing of it in the clear', async () => {
		const ada = world.person('ada', ['google']);
		await world.connect(oauth, { ...FILES, person: ada, login: 'ada' });
		const rows = await query<{ text: string }>(
			`select c::text as text from portcullis.credential c
			 union all select r::text from portcullis.oauth_registration r union all select p::text from portcullis.oauth_pending p`,
		);
		const text = rows.map((row) => row.text).join('\n');
		expect(rows.length).toBeGreaterThan(1);
		for (const request of service.server.tokenRequests) {
			for (const secret of [request.form['code'], request.form['code_verifier'], request.authorization.slice(6)]) {
				const kept = String(secret);
				expect(kept).not.toBe('');
				expect(text).not.toContain(kept);
				// Bytes are shown in hex.
				expect(text).not.toContain(Buffer.from(kept).toString('hex'));
			}
		}
	});

	it('registers once for each server of each workspace, whoever comes', async () => {
		const people = ['ann', 'ben', 'cat', 'dan'].map((name) => world.person(name, ['google', 'microsoft']));
		const at = { workspace: 'microsoft', server: 'files' };
		await Promise.all(people.map((person) => world.connect(oauth, { ...at, person, login: person.name })));
		const [row] = await query<{ clients: string[] }>(
			`select array_agg(client_id) as clients from portcullis.oauth_registration where workspace_id = $1`,
			[world.idOf('microsoft')],
		);
		expect(row?.clients).toHaveLength(1);
	});

	it('is done anew in the same place, and asks again for all that was asked for', async () => {
		const ada = world.person('again', ['google']);
		await world.connect(oauth, { ...FILES, person: ada, login: 'ada' });
		const { url } = await oauth.connections.begin(ada, FILES, 's');
		expect(new URL(url).searchParams.get('scope')?.split(' ')).toContain('mcp:read');
		await world.connect(oauth, { ...FILES, person: ada, login: 'ada' });
		const rows = await query<{ version: number }>('select version from portcullis.credential where oid = $1', [
			'again',
		]);
		expect(rows).toEqual([{ version: 2 }]);
	});

	it('ends here and at the service when it is taken back', async () => {
		const eve = world.person('eve', ['google']);
		await world.connect(oauth, { ...FILES, person: eve, login: 'eve' });
		const before = service.server.store.count('RefreshToken');
		await oauth.connections.disconnect(eve, FILES);
		expect((await oauth.connections.list(eve))[0]?.state).toBe('none');
		expect(service.server.store.count('RefreshToken')).toBe(before - 1);
	});

	it('is for those who may use the server', async () => {
		const stranger = world.person('stranger', ['microsoft']);
		expect(await codeOf(oauth.connections.begin(stranger, FILES, 's'))).toBe('PC_ADDRESS_UNKNOWN');
		const nowhere = { workspace: 'google', server: 'nothing' };
		const ada = world.person('ada', ['google']);
		expect(await codeOf(oauth.connections.begin(ada, nowhere, 's'))).toBe('PC_ADDRESS_UNKNOWN');
		expect(await codeOf(oauth.connections.disconnect(stranger, FILES))).toBe('PC_ADDRESS_UNKNOWN');
	});

	it('says of itself what a client must', () => {
		expect(oauth.clientDocument()).toMatchObject({
			client_id: `${ORIGIN}/oauth/client.json`,
			redirect_uris: [`${ORIGIN}/oauth/callback`],
			token_endpoint_auth_method: 'none',
		});
	});
});

describe('coming back from a sign-in', () => {
	const begun = async (session = 'the session') => {
		const ada = world.person('ada', ['google']);
		const { url } = await oauth.connections.begin(ada, FILES, session);
		const back = await createBrowser().signIn(url, 'ada');
		return { ada, back: back.searchParams, session };
	};

	it('is possible once', async () => {
		const { ada, back, session } = await begun();
		await oauth.connections.finish(back, session, ada);
		expect(await codeOf(oauth.connections.finish(back, session, ada))).toBe('PC_OAUTH_STATE');
	});

	it('is refused in another browser session, and stays possible in the right one', async () => {
		const { ada, back, session } = await begun();
		expect(await codeOf(oauth.connections.finish(back, 'another session', ada))).toBe('PC_OAUTH_STATE');
		expect(await codeOf(oauth.connections.finish(back, session, ada))).toBe('nothing');
	});

	it('is refused to another person, of the same workspace or of another', async () => {
		const { ada, back, session } = await begun();
		for (const person of [world.person('bob', ['google']), world.person('ada', ['microsoft'])]) {
			expect(await codeOf(oauth.connections.finish(back, session, person))).toBe('PC_OAUTH_STATE');
		}
		expect(await codeOf(oauth.connections.finish(back, session, ada))).toBe('nothing');
	});

	it('is refused after ten minutes', async () => {
		const { ada, back, session } = await begun();
		const digest = createHash('sha256')
			.update(back.get('state') ?? '')
			.digest();
		const [row] = await query<{ seconds: string }>(
			'select extract(epoch from expires_at - now()) as seconds from portcullis.oauth_pending where state_digest = $1',
			[digest],
		);
		expect(Number(row?.seconds)).toBeGreaterThan(500);
		expect(Number(row?.seconds)).toBeLessThanOrEqual(600);
		await query('update portcullis.oauth_pending set expires_at = now() where state_digest = $1', [digest]);
		expect(await codeOf(oauth.connections.finish(back, session, ada))).toBe('PC_OAUTH_STATE');
	});

	it.each([
		['no state', (query: URLSearchParams) => query.delete('state')],
		['two states', (query: URLSearchParams) => query.append('state', query.get('state') ?? '')],
		['an invented state', (query: URLSearchParams) => query.set('state', `${'A'.repeat(22)}.${'B'.repeat(43)}`)],
		['a state of nothing', (query: URLSearchParams) => query.set('state', "'; drop table x; --")],
		[
			'a state with another ending',
			(query: URLSearchParams) => query.set('state', `${query.get('state')?.slice(0, -3)}abc`),
		],
	])('is refused with %s', async (_what, change) => {
		const { ada, back, session } = await begun();
		const changed = new URLSearchParams(back);
		change(changed);
		expect(await codeOf(oauth.connections.finish(changed, session, ada))).toBe('PC_OAUTH_STATE');
	});

	it('with the answer of another service is refused, and nothing is redeemed (mix-up)', async () => {
		const ada = world.person('ada', ['google']);
		const { url } = await oauth.connections.begin(ada, { workspace: 'google', server: 'mail' }, 's');
		const state = new URL(url).searchParams.get('state') ?? '';
		const { back } = await begun();
		const mixed = new URLSearchParams(back);
		mixed.set('state', state);
		const asked = other.server.tokenRequests.length;
		expect(await codeOf(oauth.connections.finish(mixed, 's', ada))).toBe('PC_OAUTH_ISSUER');
		expect(other.server.tokenRequests).toHaveLength(asked);
	});

	it('with a refusal says so', async () => {
		const ada = world.person('ada', ['google']);
		const { url } = await oauth.connections.begin(ada, FILES, 's');
		const state = new URL(url).searchParams.get('state') ?? '';
		const refusal = new URLSearchParams({ state, iss: service.issuer, error: 'access_denied', error_description: 'x' });
		expect(await codeOf(oauth.connections.finish(refusal, 's', ada))).toBe('PC_OAUTH_DENIED');
	});
});

describe('a server that wants more', () => {
	it('is asked for all scopes together at the next sign-in, those of before and those it wanted', async () => {
		const ada = world.person('step-up', ['google']);
		await world.connect(oauth, { ...FILES, person: ada, login: 'ada' });
		const target = await world.targetOf(ada, FILES);
		const token = await oauth.accessTokens.tokenFor(target);
		const challenge = 'Bearer error="insufficient_scope", scope="mcp:write"';
		const told = oauth.answerRefusal(target, token, { status: 403, challenge });
		expect(errorCode(told)).toBe('PC_OAUTH_SCOPE');
		const asked = async (): Promise<string> => {
			const { url } = await oauth.connections.begin(ada, FILES, 's');
			return new URL(url).searchParams.get('scope') ?? '';
		};
		await expect.poll(asked).toMatch(/mcp:read .*mcp:write/);
		await world.connect(oauth, { ...FILES, person: ada, login: 'ada' });
		const renewed = await oauth.accessTokens.tokenFor(await world.targetOf(ada, FILES));
		expect(await service.introspect(renewed.reveal())).toMatchObject({ scope: 'mcp:read mcp:write' });
	});

	it('is not helped by a refusal that names no scope', async () => {
		const ada = world.person('refused', ['google']);
		await world.connect(oauth, { ...FILES, person: ada, login: 'ada' });
		const target = await world.targetOf(ada, FILES);
		const token = await oauth.accessTokens.tokenFor(target);
		expect(oauth.answerRefusal(target, token, { status: 403, challenge: undefined })).toBeUndefined();
	});
});
