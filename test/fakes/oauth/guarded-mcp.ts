import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import type { OidcToken } from 'oidc-provider';

/** What can be chosen of a server that asks for tokens. */
export interface GuardedMcpOptions {
	/** What it says of itself at `/.well-known/oauth-protected-resource/mcp`; `undefined`: nothing. */
	metadata(url: string): Readonly<Record<string, unknown>> | undefined;
	/** Whether a 401 says where the metadata is; it does unless told. */
	readonly challenges?: boolean;
	/** Scopes named in the challenge of a 401. */
	readonly challengeScope?: string;
	/** What a token says, while it is good. */
	introspect(token: string): Promise<OidcToken | undefined>;
}

/** A real MCP server (the official package) in front of which tokens are judged. */
export interface GuardedMcp {
	readonly url: string;
	/** Every `Authorization` it was sent with a call, in order; an empty text where there was none. */
	readonly presented: readonly string[];
	/** Refuses tokens from now on that lack this scope, with 403; `undefined`: none is needed. */
	demand(scope: string | undefined): void;
	/** Refuses this token with 401 from now on, as if it had ended before its time. */
	refuse(token: string): void;
	close(): Promise<void>;
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** Starts one on a free port of 127.0.0.1, at the path `/mcp`. */
export async function startGuardedMcp(options: GuardedMcpOptions): Promise<GuardedMcp> {
	const presented: string[] = [];
	const refused = new Set<string>();
	let demanded: string | undefined;
	const handle = toNodeHandler(createMcpHandler(createWhoAmI));
	const server = createServer(async (request, response) => {
		const { url = '' } = request;
		const refuse = (status: number, challenge: string): unknown =>
			response.writeHead(status, { 'www-authenticate': challenge, 'content-type': 'application/json' }).end('{}');
		if (url.startsWith(WELL_KNOWN)) {
			const metadata = url === `${WELL_KNOWN}/mcp` ? options.metadata(address) : undefined;
			response.writeHead(metadata === undefined ? 404 : 200, { 'content-type': 'application/json' });
			return response.end(JSON.stringify(metadata ?? {}));
		}
		if (url !== '/mcp') return response.writeHead(404).end();
		const authorization = request.headers.authorization ?? '';
		presented.push(authorization);
		const token = authorization.replace(/^Bearer /, '');
		const known = token === '' || refused.has(token) ? undefined : await options.introspect(token);
		if (known === undefined || known.aud !== address) return refuse(401, challenge401(options, address));
		const scopes = (known.scope ?? '').split(' ');
		if (demanded !== undefined && !scopes.includes(demanded)) {
			return refuse(403, `Bearer error="insufficient_scope", scope="${demanded}"`);
		}
		const auth = { token, clientId: known.clientId, scopes, extra: { account: known.accountId ?? known.clientId } };
		return handle(Object.assign(request, { auth }) as never, response as never);
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
	return {
		url: address,
		presented,
		demand(scope) {
			demanded = scope;
		},
		refuse: (token) => void refused.add(token),
		async close() {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

function challenge401({ challenges = true, challengeScope }: GuardedMcpOptions, address: string): string {
	const metadata = new URL(address).origin + WELL_KNOWN + new URL(address).pathname;
	const parts = [
		...(challenges ? [`resource_metadata="${metadata}"`] : []),
		...(challengeScope === undefined ? [] : [`scope="${challengeScope}"`]),
	];
	return `Bearer error="invalid_token"${parts.map((part) => `, ${part}`).join('')}`;
}

function createWhoAmI(): McpServer {
	const server = new McpServer({ name: 'who-am-i', version: '1.0.0' });
	server.registerTool(
		'who_am_i',
		{ description: 'Says whose token it was called with', annotations: { readOnlyHint: true } },
		(context) => ({ content: [{ type: 'text' as const, text: String(context.http?.authInfo?.extra?.['account']) }] }),
	);
	return server;
}
