import { PortcullisError } from '../errors/portcullis-error.ts';

/** Longest access token that is looked at, bytes; Entra's longest (200 groups) stay near 9 KiB. */
export const MAX_TOKEN_BYTES = 16 * 1024;

const BEARER = /^bearer(?: +(.*))?$/is;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

/**
 * The access token of a request, from the flat name/value list of `node:http` (`rawHeaders` still shows a repeated
 * header). A token in a query, a cookie or a form is never looked for (RFC 6750 §2.2 and §2.3 are not supported).
 * Throws PC_TOKEN_MISSING, PC_TOKEN_MALFORMED, or PC_HEADER_INVALID for two Authorization headers.
 */
export function readBearer(rawHeaders: readonly string[]): string {
	const token = findBearer(rawHeaders);
	if (token === undefined) throw new PortcullisError('PC_TOKEN_MISSING');
	return token;
}

/** The same, `undefined` where there is none; an empty one is none. Throws as `readBearer` does, save PC_TOKEN_MISSING. */
export function findBearer(rawHeaders: readonly string[]): string | undefined {
	const values = authorizations(rawHeaders);
	// Two parsers could each pick another one.
	if (values.length > 1) throw new PortcullisError('PC_HEADER_INVALID', { detail: 'Authorization is repeated' });
	const token = tokenOf(values[0] ?? '');
	if (token === '') return undefined;
	if (token.length > MAX_TOKEN_BYTES) throw new PortcullisError('PC_TOKEN_MALFORMED', { detail: 'longer than 16 KiB' });
	if (!VISIBLE_ASCII.test(token)) throw new PortcullisError('PC_TOKEN_MALFORMED', { detail: 'not visible ASCII' });
	return token;
}

// The usual spelling needs no expression over a token of a kilobyte.
function tokenOf(header: string): string {
	if (header.startsWith('Bearer ') && header[7] !== ' ') return header.slice(7);
	return BEARER.exec(header)?.[1] ?? '';
}

function authorizations(rawHeaders: readonly string[]): readonly string[] {
	const values: string[] = [];
	for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
		const name = rawHeaders[index] ?? '';
		if (name.length === 13 && name.toLowerCase() === 'authorization') values.push(rawHeaders[index + 1] ?? '');
	}
	return values;
}
