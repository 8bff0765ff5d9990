/** What the names and attributes of cookies depend on. */
export type CookieScheme = 'https' | 'loopback-http';

/** Which cookie: of somebody who is signed in, or of a sign-in under way. */
export type CookieKind = 'session' | 'sign-in';

const NAMES = {
	// The prefix has browsers refuse the cookie unless it is Secure, of this host alone and for all paths (RFC 6265bis §4.1.3).
	https: { session: '__Host-portcullis', 'sign-in': '__Host-portcullis-sign-in' },
	// For trying things out on one machine, where a browser may drop what is Secure.
	'loopback-http': { session: 'portcullis-local', 'sign-in': 'portcullis-local-sign-in' },
} as const;

/** The value of a cookie of ours; `undefined` where it is not sent, or sent twice. */
export function readCookie(rawHeaders: readonly string[], scheme: CookieScheme, kind: CookieKind): string | undefined {
	const sent = rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === 'cookie');
	const start = `${NAMES[scheme][kind]}=`;
	const values = sent.flatMap((header) => header.split(/; ?/)).filter((pair) => pair.startsWith(start));
	return values.length === 1 ? values[0]?.slice(start.length) : undefined;
}

/** A `Set-Cookie` that keeps a value for so long. */
export function cookieText(
	value: string,
	{ scheme, kind, seconds }: { readonly scheme: CookieScheme; readonly kind: CookieKind; readonly seconds: number },
): string {
	const secure = scheme === 'https' ? '; Secure' : '';
	return `${NAMES[scheme][kind]}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`;
}
