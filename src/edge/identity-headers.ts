import type { IncomingMessage } from 'node:http';
import { isConnectTarget } from './connect-target.ts';

/** What proxies and identity-aware edges set to say who somebody is; nobody else may. Lower case, with dashes. */
export const IDENTITY_HEADERS: readonly string[] = [
	'x-tenant-id',
	'x-forwarded-user',
	'x-forwarded-email',
	'x-forwarded-groups',
	'x-forwarded-preferred-username',
];

/** The same, as the beginnings of names. */
export const IDENTITY_PREFIXES: readonly string[] = [
	'x-user-',
	'x-ms-client-principal',
	'x-auth-request-',
	'x-edge-',
	'x-gateway-',
];

/** Beginning of the names Open WebUI says whom it asks for with; they are read beside an API key only, so they stay. */
export const OPEN_WEBUI_PREFIX = 'x-openwebui-';

const EXACT: ReadonlySet<string> = new Set(IDENTITY_HEADERS);
const PREFIXES: readonly string[] = [...IDENTITY_PREFIXES, OPEN_WEBUI_PREFIX];

/**
 * The one name of a header that looks as if it said who somebody is; `undefined` for any other. Servers that turn dashes
 * into underscores (CGI, WSGI, NGINX) take both spellings for one header, so they are one here: lower case, with dashes.
 */
export function identityNameOf(name: string): string | undefined {
	// Nearly every header ends here.
	if ((name[0] !== 'x' && name[0] !== 'X') || (name[1] !== '-' && name[1] !== '_')) return undefined;
	const plain = name.toLowerCase().replaceAll('_', '-');
	return EXACT.has(plain) || PREFIXES.some((prefix) => plain.startsWith(prefix)) ? plain : undefined;
}

/**
 * Takes away what a caller may not say on this listener, before anything looks at the request: every header that looks
 * as if it said who somebody is, except those that are read here (spelled as they are read), and cookies, which count
 * at the pages for people alone. One that is repeated stays in `rawHeaders` alone, for `readHeaders` to refuse the request.
 */
export function dropForeignHeaders(request: IncomingMessage, reads: ReadonlySet<string>): void {
	const { rawHeaders } = request;
	const takesCookies = isConnectTarget(request.url ?? '');
	const foreign = foreignNames(rawHeaders, reads, takesCookies);
	if (foreign.size === 0) return;
	const { headers, headersDistinct } = request;
	for (const name of foreign) {
		delete headers[name];
		delete headersDistinct[name];
	}
	const repeated = repeatedNames(rawHeaders);
	request.rawHeaders = rawHeaders.filter((_, index) => {
		const name = (rawHeaders[index - (index % 2)] as string).toLowerCase();
		return !foreign.has(name) || repeated.has(identityNameOf(name));
	});
}

function foreignNames(
	rawHeaders: readonly string[],
	reads: ReadonlySet<string>,
	takesCookies: boolean,
): ReadonlySet<string> {
	const foreign = new Set<string>();
	for (let index = 0; index < rawHeaders.length; index += 2) {
		const name = rawHeaders[index] as string;
		const plain = identityNameOf(name);
		const isForeign = plain === undefined ? !takesCookies && isCookie(name) : !isRead(name, plain, reads);
		if (isForeign) foreign.add(name.toLowerCase());
	}
	return foreign;
}

function isCookie(name: string): boolean {
	return name.length === 6 && name.toLowerCase() === 'cookie';
}

function isRead(name: string, plain: string, reads: ReadonlySet<string>): boolean {
	if (name.includes('_')) return false;
	return plain.startsWith(OPEN_WEBUI_PREFIX) || reads.has(plain);
}

function repeatedNames(rawHeaders: readonly string[]): ReadonlySet<string | undefined> {
	const names = rawHeaders.filter((_, index) => index % 2 === 0).map(identityNameOf);
	return new Set(names.filter((name, index) => name !== undefined && names.indexOf(name) !== index));
}
