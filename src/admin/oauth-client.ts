import * as z from 'zod';
import { actorOf } from './caller.ts';
import { changeWorkspace } from './change.ts';
import { knownServer } from './known-thing.ts';
import { found } from './managed.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';

const METHODS = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;

const BODY = z.strictObject({
	clientId: z.string().min(1).max(2_048),
	clientSecret: z.string().min(1).max(8_192).exactOptional().describe('Write-only.'),
	privateKey: z
		.strictObject({
			pem: z.string().min(1).max(16_384).describe('PKCS #8.'),
			alg: z.enum(['RS256', 'PS256', 'ES256']),
			kid: z.string().min(1).max(200).exactOptional(),
		})
		.exactOptional()
		.describe('Signs assertions (RFC 7523). Write-only.'),
	authMethod: z.enum(METHODS).exactOptional().describe('What the service offers first of what fits, unless given.'),
});

const CLIENT = z
	.strictObject({
		issuer: z.string(),
		clientId: z.string(),
		authMethod: z.enum(METHODS),
		connected: z
			.boolean()
			.describe('Whether the gateway has signed in with it: where the grant is client-credentials.'),
	})
	.meta({ id: 'OAuthClient' });

/** The client that somebody registered at the service of a server: written, tried where it can be, and never read. */
export function createOAuthClientRoutes(parts: ResourceParts): readonly Route[] {
	return [
		defineRoute({
			id: 'storeOAuthClient',
			method: 'POST',
			path: '/workspaces/:workspace/servers/:server/oauth-client',
			summary: 'Keeps the client that the gateway is at the service of a server',
			authorize: { workspace: 'admin', apiKeys: 'refused' },
			body: BODY,
			responses: { 200: CLIENT },
			async handle(context) {
				const server = knownServer(context, context.params);
				const workspace = found(context.snapshot.workspaces.get(context.params.workspace));
				const place = { connectable: { workspace, server, owner: undefined }, createdBy: actorOf(context.caller) };
				const body = await parts.storeClient(place, context.body);
				return changeWorkspace(parts, context, async () => {
					return { answer: { status: 200 as const, body }, action: 'oauth-client.store', object: server.slug };
				});
			},
		}),
	];
}
