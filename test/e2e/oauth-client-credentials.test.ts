import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OAuth } from '../../src/credentials/oauth/create-oauth.ts';
import { reachServer } from '../../src/credentials/oauth/reach-server.ts';
import { errorCode } from '../../src/errors/portcullis-error.ts';
import { type ConnectingWorld, personalServer, startConnectingWorld } from '../fakes/oauth/connecting-world.ts';
import { type OAuthService, startOAuthService } from '../fakes/oauth/third-party.ts';

const SECRET = 'a secret that the service gave';
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PEM = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const BY_CLIENT = { grant_types: ['client_credentials'], response_types: [], redirect_uris: [] };
const CLIENTS = [
	{ ...BY_CLIENT, client_id: 'with-secret', client_secret: SECRET },
	{
		...{ ...BY_CLIENT, client_id: 'with-key', token_endpoint_auth_method: 'private_key_jwt' },
		jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256', use: 'sig' }] },
	},
];

let service: OAuthService;
let world: ConnectingWorld;
let oauth: OAuth;
beforeAll(async () => {
	service = await startOAuthService({ registration: 'none', clients: CLIENTS });
	world = await startConnectingWorld({ google: { tools: service, more: service } }, (each) => ({
		...personalServer(each, { grant: 'client-credentials' }),
		credential: 'workspace',
	}));
	oauth = world.process();
});
afterAll(async () => {
	await world.close();
	await service.close();
});

const snapshot = () => world.gateway.configuration.snapshots.current();
const placeOf = (server: string) => {
	const admin = world.person('admin', ['google'], 'admin');
	return { connectable: reachServer(snapshot(), admin, { workspace: 'google', server }), createdBy: 'admin' };
};
const targetAt = async (server: string) => world.targetOf(undefined, { workspace: 'google', server });
const late = () => world.process({ now: () => Date.now() + 3_600_000 });

describe('a workspace whose gateway signs in by itself', () => {
	it('is connected by storing the client, with a secret or with a key, and renewed by the same', async () => {
		const byKey = { clientId: 'with-key', privateKey: { pem: PEM, alg: 'ES256', kid: 'one' } } as const;
		for (const [server, client] of [
			['tools', { clientId: 'with-secret', clientSecret: SECRET }],
			['more', byKey],
		] as const) {
			const stored = await oauth.storeClient(placeOf(server), client);
			expect(stored).toMatchObject({ issuer: service.issuer, clientId: client.clientId, connected: true });
			const first = (await oauth.accessTokens.tokenFor(await targetAt(server))).reveal();
			expect(await service.introspect(first)).toMatchObject({ clientId: client.clientId, aud: service.mcp.url });
			const second = (await late().accessTokens.tokenFor(await targetAt(server))).reveal();
			expect(second).not.toBe(first);
			expect(await service.introspect(second)).toMatchObject({ clientId: client.clientId });
		}
	});

	it('keeps what it had where the new client does not work', async () => {
		await oauth.storeClient(placeOf('tools'), { clientId: 'with-secret', clientSecret: SECRET });
		const before = await targetAt('tools');
		const wrong = oauth.storeClient(placeOf('tools'), { clientId: 'with-secret', clientSecret: 'wrong' });
		expect(await wrong.then(() => 'nothing', errorCode)).toBe('PC_OAUTH_CLIENT_REFUSED');
		expect(await targetAt('tools')).toEqual(before);
		expect(await late().accessTokens.tokenFor(before)).toBeDefined();
	});

	it('is connected by an administrator over the network, who never sees the secret again', async () => {
		const store = (groups: readonly string[]) =>
			fetch(`${world.gateway.url}/api/v1/workspaces/google/servers/tools/oauth-client`, {
				method: 'POST',
				headers: { 'content-type': 'application/json', authorization: `Bearer ${world.gateway.tokenFor(groups)}` },
				body: JSON.stringify({ clientId: 'with-secret', clientSecret: SECRET }),
			});
		expect((await store(['google'])).status).not.toBe(200);
		const answer = await store(['google-admins']);
		const text = await answer.text();
		expect([answer.status, JSON.parse(text)]).toMatchObject([200, { clientId: 'with-secret', connected: true }]);
		expect(text).not.toContain(SECRET);
		const [kept] = await world.query<{ text: string }>('select r::text as text from portcullis.oauth_registration r');
		expect(kept?.text).not.toContain(Buffer.from(SECRET).toString('hex'));
	});

	it('is connected by nobody who only writes', async () => {
		const writer = world.person('writer', ['google'], 'write');
		expect(await oauth.connections.list(writer)).toEqual([]);
		const at = { workspace: 'google', server: 'tools' };
		expect(() => reachServer(snapshot(), writer, at)).toThrow();
	});
});
