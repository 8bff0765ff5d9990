const RESOURCE = '/.well-known/oauth-protected-resource';
const OAUTH = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';

/** Where a server may say who issues its tokens, best first (RFC 9728 §3.1; mcp 2026-07-28: basic/authorization). */
export function resourceMetadataUrls(server: URL): readonly string[] {
	const path = withoutSlash(server.pathname);
	const root = server.origin + RESOURCE;
	return path === '' && server.search === '' ? [root] : [root + path + server.search, root];
}

/** Where an issuer may say how it is spoken to, best first (RFC 8414 §3.1 and §5, OpenID Connect Discovery §4). */
export function issuerMetadataUrls(issuer: URL): readonly string[] {
	const { origin } = issuer;
	const path = withoutSlash(issuer.pathname);
	if (path === '') return [origin + OAUTH, origin + OPENID];
	return [origin + OAUTH + path, origin + OPENID + path, origin + path + OPENID];
}

/** A server's address as the `resource` of its tokens: no fragment, no slash at the end (mcp: canonical server URI). */
export function canonicalResource(server: URL): string {
	return server.origin + withoutSlash(server.pathname) + server.search;
}

/**
 * Whether what a server calls itself covers its address: the same origin, and the same path or one above it. Anything
 * else is somebody else's name, for which its tokens would be good (RFC 9728 §3.3, §7.3).
 */
export function coversServer(resource: string, server: URL): boolean {
	const named = URL.canParse(resource) ? new URL(resource) : undefined;
	if (named === undefined || named.hash !== '' || named.username !== '' || named.password !== '') return false;
	if (named.origin !== server.origin || named.origin === 'null') return false;
	if (named.search !== '' && named.search !== server.search) return false;
	return `${withoutSlash(server.pathname)}/`.startsWith(`${withoutSlash(named.pathname)}/`);
}

// By hand: the path may come from a stranger, and a pattern for this takes the square of its length.
function withoutSlash(path: string): string {
	let end = path.length;
	while (path[end - 1] === '/') end--;
	return path.slice(0, end);
}
