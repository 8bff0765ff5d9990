import { isIP } from 'node:net';

/** Whose names and pages a bridge answers. */
export interface NameRule {
	/** Whether a key is wanted for calls: then a name proves nothing that matters. */
	readonly hasKey: boolean;
	/** Further names it is reached under, lower case, without ports. */
	readonly hosts: ReadonlySet<string>;
	/** Origins of the pages that may ask; `*` among them: any page, without what its browser keeps for us. */
	readonly origins: ReadonlySet<string>;
}

/** Headers for an answer to a page, or that it may not ask. */
export type OriginVerdict = { readonly isAllowed: boolean; readonly headers: Readonly<Record<string, string>> };

const NAMES_OF_NOBODY = /(?:^|\.)(?:localhost|local|internal|svc|test)$/;

/**
 * Whether a `Host` may be a name of this bridge. Without a key only names that nobody can own on the internet are, or else a
 * page there could reach a bridge through its reader's browser (DNS rebinding).
 */
export function isOwnHost(host: string | undefined, { hasKey, hosts }: NameRule): boolean {
	if (hasKey) return true;
	const name = (host ?? '')
		.toLowerCase()
		.replace(/:\d+$/, '')
		.replace(/^\[(.*)\]$/, '$1')
		.replace(/\.$/, '');
	return isIP(name) !== 0 || !name.includes('.') || NAMES_OF_NOBODY.test(name) || hosts.has(name);
}

const EXPOSED = 'mcp-session-id, mcp-protocol-version, www-authenticate, x-request-id, retry-after';

/**
 * What a page of this origin may do (WHATWG Fetch: CORS). mcpo allows any page and lets it use what the browser has for us;
 * here a page that is not named gets neither.
 */
export function judgeOrigin(
	origin: string | undefined,
	host: string | undefined,
	{ origins }: NameRule,
): OriginVerdict {
	if (origin === undefined) return { isAllowed: true, headers: {} };
	const exposed = { 'access-control-expose-headers': EXPOSED };
	if (origins.has(origin.toLowerCase())) {
		const own = { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true', vary: 'origin' };
		return { isAllowed: true, headers: { ...own, ...exposed } };
	}
	if (origins.has('*')) return { isAllowed: true, headers: { 'access-control-allow-origin': '*', ...exposed } };
	const isOwn = URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
	return { isAllowed: isOwn, headers: { vary: 'origin' } };
}

/** Further headers of the answer to a preflight that asks for these headers. */
export function preflightHeaders(requested: string | undefined): Readonly<Record<string, string>> {
	const names = (requested ?? '').split(',').map((name) => name.trim());
	return {
		'access-control-allow-methods': 'GET, HEAD, POST, DELETE, OPTIONS',
		'access-control-allow-headers': names.filter((name) => /^[\w-]+$/.test(name)).join(', '),
		'access-control-max-age': '600',
	};
}
