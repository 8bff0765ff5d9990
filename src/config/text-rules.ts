/** Answers what is wrong with a text, as a sentence that does not quote it; `undefined` when nothing is. */
export type TextRule = (text: string) => string | undefined;

/** What is wrong with a text that is no slug. */
export const SLUG_SENTENCE = 'must be 1 to 63 of a-z, 0-9 and dashes, with no dash at either end';

/** Text of at most this many characters. */
export function lengthRule(most: number): TextRule {
	return (text) => (text.length > most ? `must be at most ${most} characters` : undefined);
}

/** A tool of a workspace: slug of its server, a slash, and the name the server gives it, which may hold slashes too. */
export const toolPathFault: TextRule = (text) => {
	return /^[^/]+\/.{1,256}$/s.test(text) ? undefined : 'write a tool as server/tool';
};

/** SHA-256 in lower-case hex. */
export const digestFault: TextRule = (text) => {
	return /^[0-9a-f]{64}$/.test(text) ? undefined : 'expected a SHA-256 digest: 64 of 0-9 and a-f';
};

/** Whether a URL's host is this machine, where plain http crosses no network. */
export function isLoopback({ hostname }: URL): boolean {
	return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/** Whether a name says that its value is a secret. A wrong guess costs a reference, never a leak. */
export function looksSecret(name: string): boolean {
	return /authorization|cookie|key|token|secret|passw|credential/i.test(name);
}

/** An absolute http or https URL that holds neither a user nor a fragment. */
export const urlFault: TextRule = (text) => {
	const url = parseUrl(text);
	if (url === undefined || !/^https?:$/.test(url.protocol)) return 'expected an http or https URL';
	if (url.username !== '' || url.password !== '') return 'a URL must not hold a user name or password; use headers';
	return text.includes('#') ? 'a URL must not have a fragment (#…)' : undefined;
};

/** Where the operations of a service are: paths are put after it. */
export const baseUrlFault: TextRule = (text) => {
	return urlFault(text) ?? (text.includes('?') ? 'must not have a query (?…)' : undefined);
};

/** A URL whose answers decide who may sign in, so nobody on the way may change them. */
export const protectedUrlFault: TextRule = (text) => {
	return (
		urlFault(text) ?? (isPlainHttpAbroad(text) ? 'must be https (http is allowed to this machine only)' : undefined)
	);
};

/** Whether a URL is http to another machine. */
export function isPlainHttpAbroad(text: string): boolean {
	const url = parseUrl(text);
	return url?.protocol === 'http:' && !isLoopback(url);
}

/** `iss` or key address of a directory, in which `{tid}` is the one placeholder. */
export const directoryUrlFault: TextRule = (text) => {
	const filled = text.replaceAll('{tid}', 'tid');
	return /[{}]/.test(filled) ? 'only {tid} is replaced in this URL' : protectedUrlFault(filled);
};

/** The address of the gateway itself: no path, since the gateway answers at fixed ones. */
export const publicUrlFault: TextRule = (text) => {
	const fault = protectedUrlFault(text);
	if (fault !== undefined) return fault;
	const { pathname, search } = new URL(text);
	return pathname === '/' && search === '' ? undefined : 'must be an origin alone, such as https://mcp.example.com';
};

/** Where Microsoft Graph is: an origin alone, since the paths below it are fixed. */
export const graphUrlFault: TextRule = (text) => {
	const fault = protectedUrlFault(text);
	if (fault !== undefined) return fault;
	return new URL(text).origin === text ? undefined : 'must be an origin alone, such as https://graph.microsoft.com';
};

/** Id of an application in Entra. */
export const clientIdFault: TextRule = (text) => {
	return /^[A-Za-z0-9._-]{1,128}$/.test(text) ? undefined : 'expected the id of an application';
};

/** A scope as clients ask for it (RFC 6749 §3.3, without braces). */
export const scopeFault: TextRule = (text) => {
	if (!/^[\x21\x23-\x5b\x5d-\x7a\x7c\x7e]{1,256}$/.test(text))
		return 'expected one scope, such as api://gateway/mcp.access';
	// Tokens never name it: it stands for whatever was consented to.
	return /(?:^|\/)\.default$/.test(text) ? 'name the scope itself, since no token holds .default' : undefined;
};

/** A `Host` value. */
export const hostFault: TextRule = (text) => {
	return /^(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.test(text)
		? undefined
		: 'expected a host name with an optional port, such as mcp.example.com';
};

/** An `Origin` value; schemes of editors and browser extensions are origins too. */
export const originFault: TextRule = (text) => {
	return /^[a-z][a-z0-9+.-]*:\/\/(?:\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.test(text)
		? undefined
		: 'expected an origin without a slash at the end, such as https://chat.example.com';
};

/** The spelling browsers use for an origin: lower case, no default port. */
export function normalOrigin(text: string): string {
	return /^https?:/i.test(text) ? (parseUrl(text)?.origin ?? text) : text.toLowerCase();
}

/** Entra's words for "any directory" are never the `tid` of a token, so nobody could sign in with them. */
export const tidFault: TextRule = (text) => {
	if (!/^[A-Za-z0-9.-]{1,128}$/.test(text)) return 'expected the id of an Entra tenant';
	return /^(?:common|organizations|consumers)$/i.test(text) ? 'name one Entra tenant by its id' : undefined;
};

/** The parser drops white space and control characters, which would make two spellings of one URL. */
function parseUrl(text: string): URL | undefined {
	return URL.canParse(text) && !/[\s\x00-\x1f\x7f]/.test(text) ? new URL(text) : undefined;
}
