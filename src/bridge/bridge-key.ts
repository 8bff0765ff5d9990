import { hash, timingSafeEqual } from 'node:crypto';

/** Who may call. */
export interface KeyRule {
	/** SHA-256 of the one key; `undefined`: everybody may, as with mcpo. */
	readonly digest: Buffer | undefined;
	/** Whether documents and pages want the key too, and take it as a password (RFC 7617) as well. */
	readonly isStrict: boolean;
}

/** Why somebody is not let in, in mcpo's words. */
export interface KeyRefusal {
	readonly status: 401 | 403;
	readonly detail: string;
	/** `WWW-Authenticate`, where there is one. */
	readonly challenge?: string;
}

/** SHA-256 of a key: the key itself is not kept. */
export function digestOfKey(key: string): Buffer {
	return hash('sha256', key, 'buffer');
}

/** Judges the `Authorization` of a request, given as the flat list of node:http; `undefined`: whoever sent it holds the key. */
export function judgeKey(rawHeaders: readonly string[], rule: KeyRule): KeyRefusal | undefined {
	if (rule.digest === undefined) return undefined;
	const [value = '', ...more] = valuesOf(rawHeaders);
	const [scheme = '', ...rest] = value.split(' ');
	const credentials = rest.join(' ').trim();
	// Two parsers could each pick another one.
	if (value === '' || more.length > 0) return unknown(MISSING, rule);
	if (scheme.toLowerCase() === 'bearer' && credentials !== '') {
		return isKey(credentials, rule) ? undefined : { status: 403, detail: 'Invalid API key' };
	}
	if (!rule.isStrict) return unknown(MISSING, rule);
	return scheme.toLowerCase() === 'basic'
		? judgePassword(credentials, rule)
		: unknown('Unsupported authorization method', rule);
}

const MISSING = 'Missing or invalid Authorization header';

function judgePassword(credentials: string, rule: KeyRule): KeyRefusal | undefined {
	const decoded = /^[A-Za-z0-9+/]+={0,2}$/.test(credentials) ? Buffer.from(credentials, 'base64').toString('utf8') : '';
	const colon = decoded.indexOf(':');
	if (colon === -1) return unknown('Invalid Basic Authentication format', rule);
	return isKey(decoded.slice(colon + 1), rule) ? undefined : { status: 403, detail: 'Invalid credentials' };
}

const unknown = (detail: string, { isStrict }: KeyRule): KeyRefusal => {
	return { status: 401, detail, challenge: isStrict ? 'Bearer, Basic' : 'Bearer' };
};

// Digests are of one length, whatever was sent, and are compared in the same time.
function isKey(text: string, { digest }: KeyRule): boolean {
	return digest !== undefined && timingSafeEqual(digestOfKey(text), digest);
}

function valuesOf(rawHeaders: readonly string[]): readonly string[] {
	return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'authorization');
}
