import {
	type AuthorizationServerOptions,
	type FakeAuthorizationServer,
	startAuthorizationServer,
} from './authorization-server.ts';
import { type GuardedMcp, type GuardedMcpOptions, startGuardedMcp } from './guarded-mcp.ts';

/** What can be chosen of a service. */
export interface OAuthServiceOptions
	extends Omit<AuthorizationServerOptions, 'resources'>,
		Partial<Pick<GuardedMcpOptions, 'challenges' | 'challengeScope'>> {
	/** Laid over what the MCP server says of itself; `undefined` takes a member away. */
	readonly resource?: Readonly<Record<string, unknown>>;
	/** What it says instead. */
	readonly metadataOf?: GuardedMcpOptions['metadata'];
}

/** A service as people know one: an MCP server, and the authorization server that issues tokens for it. */
export interface OAuthService {
	readonly server: FakeAuthorizationServer;
	readonly mcp: GuardedMcp;
	readonly issuer: string;
	readonly introspect: FakeAuthorizationServer['introspect'];
	/** Hosts and ports of both, as an operator would allow them. */
	readonly hosts: readonly string[];
	close(): Promise<void>;
}

/** Starts one. */
export async function startOAuthService(options: OAuthServiceOptions = {}): Promise<OAuthService> {
	const { challenges, challengeScope, resource = {}, metadataOf, ...more } = options;
	const resources: string[] = [];
	const server = await startAuthorizationServer({ ...more, resources });
	const said = (url: string) => ({
		...{ resource: url, authorization_servers: [server.issuer], scopes_supported: ['mcp:read'] },
		...resource,
	});
	const mcp = await startGuardedMcp({
		metadata: metadataOf ?? said,
		introspect: server.introspect,
		...(challenges !== undefined && { challenges }),
		...(challengeScope !== undefined && { challengeScope }),
	});
	resources.push(mcp.url);
	return {
		server,
		mcp,
		issuer: server.issuer,
		introspect: server.introspect,
		hosts: [new URL(server.issuer).host, new URL(mcp.url).host],
		async close() {
			await Promise.all([server.close(), mcp.close()]);
		},
	};
}
