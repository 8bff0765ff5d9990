import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createVisits } from '../fakes/browser-visits.ts';
import { ADA, BOB, type ConnectStage, EVE, startConnectStage } from '../fakes/connect-stage.ts';
import { makeKey } from '../fakes/directory.ts';
import { legacy, post } from '../fakes/gateway.ts';

let stage: ConnectStage;
let at: string;

beforeAll(async () => {
	stage = await startConnectStage();
	at = stage.gateway.url;
});
afterAll(() => stage.close());
beforeEach(() => {
	Object.assign(stage.provider, { claims: {}, sign: undefined, status: undefined });
});

/** A browser that stands before the directory, and where it was sent. */
async function begun(to = '/connect') {
	const visits = createVisits();
	const sent = await visits.get(`${at}/connect/sign-in?to=${encodeURIComponent(to)}`);
	return { visits, sent, asked: new URL(sent.location).searchParams };
}

const lastRecord = () => stage.gateway.audit().at(-1);

describe('signing in with a browser', () => {
	it('asks the directory with code, PKCE, state and nonce, each new every time', async () => {
		const [one, other] = [await begun(), await begun()];
		expect(one.sent.status).toBe(303);
		expect(Object.fromEntries(one.asked)).toMatchObject({
			...{ response_type: 'code', client_id: stage.provider.entry['clientId'], scope: 'openid profile' },
			...{ redirect_uri: `${at}/connect/signed-in`, code_challenge_method: 'S256', response_mode: 'query' },
		});
		for (const name of ['state', 'nonce', 'code_challenge']) {
			expect(one.asked.get(name)).toMatch(/^[\w-]{43}$/);
			expect(one.asked.get(name)).not.toBe(other.asked.get(name));
		}
	});

	it('makes somebody the same person as their access token does, with the same workspaces', async () => {
		const { landed } = await stage.signedIn(ADA);
		expect(landed.status).toBe(200);
		expect(landed.text).toContain('Ada Lovelace');
		const { issuer, tenantId } = stage.directory.directory;
		expect(stage.gateway.audit().findLast(({ method }) => method === 'connect/sign-in')).toMatchObject({
			...{ outcome: 'ok', vouchedBy: 'sign-in', principal: { issuer, tid: tenantId, oid: ADA.oid } },
		});
	});

	it('sends the secret and the verifier to the token endpoint alone', async () => {
		await stage.signedIn(ADA);
		const form = stage.provider.redeemed.at(-1);
		expect(form?.get('client_secret')).toBe(stage.provider.secrets['SIGN_IN_SECRET']);
		expect(form?.get('code_verifier')).toMatch(/^[\w-]{43}$/);
		const kept = JSON.stringify([...stage.provider.asked.map(String), stage.gateway.audit()]);
		expect(kept).not.toContain(form?.get('code_verifier'));
		expect(kept).not.toContain(form?.get('client_secret'));
		expect(kept).not.toContain(form?.get('code'));
	});

	it('brings people to the page they wanted, and never to another site', async () => {
		const { landed } = await stage.signedIn(ADA, '/connect/w/google/s/drive/disconnect');
		expect(landed.status).toBe(404);
		for (const to of [
			'https://evil.example/',
			'//evil.example',
			'/connect\\evil',
			'/mcp',
			'/connect/../api',
			'/connect/sign-in',
		]) {
			const { visits, sent } = await begun(to);
			expect((await visits.get(stage.provider.agree(sent.location, ADA.oid))).location).toBe('/connect');
		}
	});

	it('works for people without any workspace, and shows them none', async () => {
		const { landed } = await stage.signedIn(EVE);
		expect(landed.status).toBe(200);
		expect(landed.text).toContain('nothing to do here');
	});
});

describe('a sign-in', () => {
	it('is finished by the browser that began it and by no other', async () => {
		const { sent } = await begun();
		const back = stage.provider.agree(sent.location, BOB.oid);
		for (const visits of [createVisits(), (await begun()).visits, (await stage.signedIn(ADA)).visits]) {
			const before = stage.provider.redeemed.length;
			const answer = await visits.get(back);
			expect(answer.status).toBe(400);
			expect(answer.text).toContain('PC_SIGN_IN_FAILED');
			expect(answer.set.join()).not.toMatch(/portcullis-local=[^;]/);
			expect(stage.provider.redeemed.length).toBe(before);
		}
	});

	it('is finished once', async () => {
		const { visits, sent } = await begun();
		const back = stage.provider.agree(sent.location, ADA.oid);
		expect((await visits.get(back)).status).toBe(303);
		expect((await visits.get(back)).status).toBe(400);
	});

	it('fails in a sentence when the directory refuses, without repeating what the address says', async () => {
		const { visits, asked } = await begun();
		const refused = `${at}/connect/signed-in?state=${asked.get('state')}&error=access_denied&error_description=call+0900-EVIL`;
		const answer = await visits.get(refused);
		expect(answer.status).toBe(403);
		expect(answer.text).toContain('PC_SIGN_IN_REFUSED');
		expect(answer.text).not.toContain('0900');
	});

	it.each([
		['no code', (url: URL) => url.searchParams.delete('code')],
		['two codes', (url: URL) => url.searchParams.append('code', 'x')],
		['another code', (url: URL) => url.searchParams.set('code', 'x')],
		['another state', (url: URL) => url.searchParams.set('state', 'x')],
		['two states', (url: URL) => url.searchParams.append('state', url.searchParams.get('state') ?? '')],
		['the issuer of another directory', (url: URL) => url.searchParams.set('iss', 'https://evil.example')],
	])('fails with %s', async (_, edit) => {
		const { visits, sent } = await begun();
		const back = new URL(stage.provider.agree(sent.location, ADA.oid));
		edit(back);
		const answer = await visits.get(back.href);
		expect(answer.text).toContain('PC_SIGN_IN_FAILED');
		expect(visits.cookies.has('portcullis-local')).toBe(false);
		expect(lastRecord()).toMatchObject({ method: 'connect/sign-in', outcome: 'refused', code: 'PC_SIGN_IN_FAILED' });
	});

	it.each<[string, Record<string, unknown>]>([
		['of another issuer', { iss: 'https://login.fake.example/other/v2.0' }],
		['of another Entra tenant', { tid: randomUUID() }],
		['for another application', { aud: randomUUID() }],
		['for two applications', { aud: ['c11e0000-0000-4000-8000-00000000c0de', 'other'] }],
		['of another sign-in', { nonce: 'replayed' }],
		['without a nonce', { nonce: undefined }],
		['that is over', { exp: Math.floor(Date.now() / 1_000) - 3_600 }],
		['without an end', { exp: undefined }],
		['that is yet to come', { nbf: Math.floor(Date.now() / 1_000) + 3_600 }],
		['of nobody', { oid: undefined }],
		['that is an access token', { scp: 'mcp.access' }],
		['of an application', { idtyp: 'app' }],
		['given to another client', { azp: 'other' }],
		['of version 1', { ver: '1.0' }],
	])('fails with an ID token %s', async (_, claims) => {
		stage.provider.claims = claims;
		const { visits, sent } = await begun();
		const answer = await visits.get(stage.provider.agree(sent.location, ADA.oid));
		expect(answer.text).toContain('PC_SIGN_IN_FAILED');
		expect(visits.cookies.has('portcullis-local')).toBe(false);
	});

	it.each<[string, (claims: Record<string, unknown>) => Promise<string> | string]>([
		['without a signature', (claims) => stage.directory.sign(claims, { alg: 'none' })],
		['signed with the public key as a secret', (claims) => stage.directory.sign(claims, { alg: 'HS256' })],
		['that is no token', () => 'x'],
	])('fails with an ID token %s', async (_, sign) => {
		stage.provider.sign = sign as (claims: Record<string, unknown>) => string;
		const { visits, sent } = await begun();
		expect((await visits.get(stage.provider.agree(sent.location, ADA.oid))).text).toContain('PC_SIGN_IN_FAILED');
	});

	it('fails with an ID token that somebody else signed', async () => {
		const key = await makeKey();
		stage.provider.sign = (claims) => stage.directory.sign(claims, { key });
		const { visits, sent } = await begun();
		expect((await visits.get(stage.provider.agree(sent.location, ADA.oid))).text).toContain('PC_SIGN_IN_FAILED');
	});

	it('is refused to guests where the directory wants none', async () => {
		const { directory, provider, config } = stage;
		const strict = { ...directory.directory, signIn: provider.entry, guests: 'deny' };
		await stage.gateway.reconfigure({ ...config, directories: [strict] });
		provider.claims = { acct: 1 };
		const { visits, sent } = await begun();
		const answer = await visits.get(provider.agree(sent.location, ADA.oid));
		expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('PC_TOKEN_GUEST')]);
		await stage.gateway.reconfigure(config);
	});

	it('waits for a directory that is down', async () => {
		stage.provider.status = 503;
		const { visits, sent } = await begun();
		const answer = await visits.get(stage.provider.agree(sent.location, ADA.oid));
		expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, expect.any(String)]);
	});
});

describe('a session', () => {
	it('is a new one with each sign-in, whatever the browser brought along', async () => {
		const { visits } = await stage.signedIn(BOB);
		const planted = visits.cookies.get('portcullis-local');
		const { location } = await visits.get(`${at}/connect/sign-in`);
		await visits.get(stage.provider.agree(location, ADA.oid));
		expect(visits.cookies.get('portcullis-local')).not.toBe(planted);
		const attacker = createVisits();
		attacker.cookies.set('portcullis-local', planted as string);
		expect((await attacker.get(`${at}/connect`)).text).toContain('Sign in to connect your accounts</h1>');
	});

	it('ends with signing out, in this browser and in any other that has its cookie', async () => {
		const { visits, landed } = await stage.signedIn(ADA);
		const stolen = visits.cookies.get('portcullis-local') as string;
		const answer = await visits.post(`${at}/connect/sign-out`, { form: landed.form });
		expect([answer.status, answer.location]).toEqual([303, '/connect/signed-out']);
		expect(visits.cookies.has('portcullis-local')).toBe(false);
		expect((await visits.get(at + answer.location)).text).toContain('You have signed out');
		visits.cookies.set('portcullis-local', stolen);
		expect((await visits.get(`${at}/connect`)).text).toContain('Sign in to connect your accounts</h1>');
	});

	it('holds nothing that can be read or changed', async () => {
		const { visits } = await stage.signedIn(ADA);
		const kept = visits.cookies.get('portcullis-local') as string;
		const [, sealed = ''] = kept.split('.');
		expect(Buffer.from(sealed, 'base64url').toString('latin1')).not.toMatch(/ada|google/i);
		for (const place of [0, 20, Math.floor(sealed.length / 2), sealed.length - 2]) {
			const changed = sealed[place] === 'A' ? 'B' : 'A';
			visits.cookies.set('portcullis-local', `fake.${sealed.slice(0, place)}${changed}${sealed.slice(place + 1)}`);
			expect((await visits.get(`${at}/connect`)).text).toContain('Sign in to connect your accounts</h1>');
		}
		visits.cookies.set('portcullis-local', kept);
		visits.cookies.set('portcullis-local-sign-in', kept);
		expect((await visits.get(`${at}/connect/signed-in?state=x&code=y`)).text).toContain('PC_SIGN_IN_FAILED');
	});

	it('is judged by the grants of now', async () => {
		const { visits } = await stage.signedIn({ ...ADA });
		const without = { ...stage.config, grants: [] };
		await stage.gateway.reconfigure(without);
		expect((await visits.get(`${at}/connect`)).status).toBe(200);
		await stage.gateway.reconfigure(stage.config);
	});

	it('ends when the web client is another one', async () => {
		const { visits } = await stage.signedIn(ADA);
		const [own] = stage.config['directories'] as [{ readonly signIn: object }];
		const other = { ...own, signIn: { ...own.signIn, clientId: 'another' } };
		await stage.gateway.reconfigure({ ...stage.config, directories: [other] });
		expect((await visits.get(`${at}/connect`)).text).toContain('Sign in to connect your accounts</h1>');
		await stage.gateway.reconfigure(stage.config);
	});

	it('counts at the pages alone: a cookie opens no other address', async () => {
		const { visits } = await stage.signedIn(ADA);
		const cookie = [...visits.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
		for (const path of [
			'/mcp',
			'/w/google/mcp',
			'/w/google/s/drive/mcp',
			'/connected',
			'/mcp?/connect',
			'/mcp/../connect',
		]) {
			const answer = await post(at + path, legacy('tools/list'), { cookie });
			expect([path, answer.status]).not.toEqual([path, 200]);
		}
		expect((await fetch(`${at}/api/v1/me`, { headers: { cookie } })).status).toBe(401);
		expect((await fetch(`${at}/tools`, { headers: { cookie } })).status).toBe(401);
		expect((await post(`${at}/w/google/mcp`, legacy('tools/list'), { cookie })).status).toBe(401);
	});
});

describe('the pages', () => {
	it('come with headers that leave scripts, frames and caches nothing', async () => {
		const { visits } = await stage.signedIn(ADA);
		for (const path of ['/connect', '/connect/nowhere', '/connect/signed-in']) {
			const { headers, text } = await visits.get(at + path);
			const policy = headers.get('content-security-policy');
			expect(policy).toBe(
				"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
			);
			expect(headers.get('cache-control')).toBe('no-store');
			expect(headers.get('referrer-policy')).toBe('same-origin');
			expect(headers.get('x-content-type-options')).toBe('nosniff');
			expect(headers.get('access-control-allow-origin')).toBeNull();
			expect(text).not.toMatch(/<script|<style|\son\w+=|\sstyle=|javascript:/i);
		}
	});

	it('keep cookies of this machine alone where there is no https, and say so', async () => {
		const { sent } = await begun();
		expect(sent.set).toEqual([
			expect.stringMatching(/^portcullis-local-sign-in=[^;]+; Path=\/; Max-Age=600; HttpOnly; SameSite=Lax$/),
		]);
	});

	it('are not to be had by http over a network', async () => {
		await stage.gateway.reconfigure({ ...stage.config, hosts: ['mcp.example.com'] });
		const { request } = await import('node:http');
		const status = await new Promise((resolve, reject) => {
			request(`${at}/connect`, { headers: { host: 'mcp.example.com' } }, (answer) => resolve(answer.statusCode))
				.on('error', reject)
				.end();
		});
		expect(status).toBe(400);
		await stage.gateway.reconfigure(stage.config);
	});

	it('send browsers to the public address first', async () => {
		await stage.gateway.reconfigure({ ...stage.config, publicUrl: 'https://mcp.example.com' });
		const answer = await createVisits().get(`${at}/connect?done=x`);
		expect([answer.status, answer.location]).toEqual([303, 'https://mcp.example.com/connect?done=x']);
		await stage.gateway.reconfigure(stage.config);
	});

	it('answer other methods and addresses in a page that says so', async () => {
		const { visits } = await stage.signedIn(ADA);
		expect((await visits.get(`${at}/connect/sign-out`)).status).toBe(405);
		expect((await fetch(`${at}/connect`, { method: 'DELETE' })).headers.get('allow')).toBe('GET, POST');
		for (const path of [
			'/connect/x',
			'/oauth',
			'/oauth/x',
			'/connect/w/google/s/drive',
			'/connect/files/x.css',
			'/oauth/client.json',
		]) {
			expect((await visits.get(at + path)).status).toBe(404);
		}
	});

	it('say that nobody can sign in where no directory has a web client', async () => {
		await stage.gateway.reconfigure({ ...stage.config, directories: [stage.directory.directory] });
		const answer = await createVisits().get(`${at}/connect`);
		expect([answer.status, answer.text]).toEqual([404, expect.stringContaining('PC_CONNECT_NOT_SET_UP')]);
		await stage.gateway.reconfigure(stage.config);
	});
});

describe('a form', () => {
	it('without the token of its session changes nothing', async () => {
		const { visits, landed } = await stage.signedIn(ADA);
		const foreign = (await stage.signedIn(BOB)).landed.form;
		for (const fields of [{}, { form: '' }, { form: foreign }, { form: `${landed.form}x` }] as Record<
			string,
			string
		>[]) {
			const answer = await visits.post(`${at}/connect/sign-out`, fields);
			expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('PC_FORM_REFUSED')]);
		}
		expect((await visits.get(`${at}/connect`)).text).toContain('Ada Lovelace');
	});

	it.each<[string, Record<string, string>]>([
		['of another origin', { origin: 'https://evil.example' }],
		['of a page without one', { origin: 'null' }],
		['of another site', { 'sec-fetch-site': 'cross-site' }],
		['of a neighbouring site', { 'sec-fetch-site': 'same-site' }],
		['of another kind', { 'content-type': 'text/plain' }],
		['that is compressed', { 'content-encoding': 'gzip' }],
	])('%s changes nothing', async (_, headers) => {
		const { visits, landed } = await stage.signedIn(ADA);
		const answer = await visits.post(`${at}/connect/sign-out`, { form: landed.form }, headers);
		expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('PC_FORM_REFUSED')]);
		expect((await visits.get(`${at}/connect`)).text).toContain('Ada Lovelace');
	});

	it('of somebody who is signed out changes nothing', async () => {
		const answer = await createVisits().post(`${at}/connect/sign-out`, { form: 'x' });
		expect([answer.status, answer.text]).toEqual([403, expect.stringContaining('PC_SIGNED_OUT')]);
	});

	it('that is too large is not read', async () => {
		const { visits, landed } = await stage.signedIn(ADA);
		const answer = await visits.post(`${at}/connect/sign-out`, { form: landed.form, more: 'x'.repeat(200_000) });
		expect(answer.status).toBe(413);
	});
});
