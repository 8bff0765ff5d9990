/** What a server said when it refused a request, as far as OAuth goes (RFC 6750 §3, RFC 9728 §5.1). */
export interface BearerChallenge {
	/** Address of the server's own metadata. */
	readonly resourceMetadata: string | undefined;
	/** Scopes that the refused request needs, all of them. */
	readonly scopes: readonly string[] | undefined;
	/** Such as `invalid_token` or `insufficient_scope`. */
	readonly error: string | undefined;
}

// A scheme or parameter name, and of a parameter its value: quoted, or a bare word.
const PART = /[\s,]*([!#$%&'*+\-.^_`|~\w]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"=]+)))?/y;

/** The first `Bearer` challenge of a `WWW-Authenticate` header, or `undefined` where there is none. */
export function parseBearerChallenge(header: string | readonly string[] | undefined): BearerChallenge | undefined {
	const text = typeof header === 'string' ? header : (header ?? []).join(', ');
	const parameters = bearerParameters(text);
	if (parameters === undefined) return undefined;
	return {
		resourceMetadata: parameters.get('resource_metadata'),
		scopes: splitScopes(parameters.get('scope')),
		error: parameters.get('error'),
	};
}

/** Scopes of a space-separated text (RFC 6749 §3.3), each once; `undefined` where there is none. */
export function splitScopes(text: string | undefined): readonly string[] | undefined {
	const scopes = [...new Set((text ?? '').split(' ').filter((scope) => scope !== ''))];
	return scopes.length === 0 ? undefined : scopes;
}

function bearerParameters(text: string): ReadonlyMap<string, string> | undefined {
	let found: Map<string, string> | undefined;
	const pattern = new RegExp(PART);
	for (let part = pattern.exec(text); part !== null; part = pattern.exec(text)) {
		const [, name = '', quoted, bare] = part;
		const value = quoted?.replace(/\\(.)/g, '$1') ?? bare;
		const isScheme = value === undefined;
		if (isScheme && found !== undefined) return found;
		if (isScheme && name.toLowerCase() === 'bearer') found = new Map();
		// Of a parameter said twice the first counts, so that nothing appended to a header overrides it.
		if (!isScheme && found?.has(name.toLowerCase()) === false) found.set(name.toLowerCase(), value);
	}
	return found;
}
