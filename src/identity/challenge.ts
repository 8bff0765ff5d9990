import type { PortcullisError } from '../errors/portcullis-error.ts';
import type { ErrorCode } from '../errors/table.ts';

/** How somebody signs in. */
export interface SignIn {
	/** Address of the RFC 9728 document. */
	readonly resourceMetadataUrl: string;
	/** What to ask the directory for; nothing is said where it is empty or absent. */
	readonly scopes?: readonly string[];
}

/**
 * Value of `WWW-Authenticate` for an answer with this error: RFC 6750 §3 with `resource_metadata` of RFC 9728 §5.1,
 * from which a client learns where to sign in, and the scope to ask for. A request without a token gets no `error` (RFC
 * 6750 §3.1).
 */
export function challengeFor(
	{ code, sentence }: Pick<PortcullisError, 'code' | 'sentence'>,
	{ resourceMetadataUrl, scopes = [] }: SignIn,
): string {
	const error = oauthError(code);
	const parameters = [
		...(error === undefined ? [] : [`error="${error}"`, `error_description="${describe(sentence)}"`]),
		...(scopes.length === 0 ? [] : [`scope="${scopes.join(' ')}"`]),
		`resource_metadata="${encodeUrl(resourceMetadataUrl)}"`,
	];
	return `Bearer ${parameters.join(', ')}`;
}

/** Whether an answer with this error says how to sign in (RFC 6750 §3.1). */
export function isChallenged(code: ErrorCode, status: number): boolean {
	return status === 401 || code === 'PC_TOKEN_SCOPE';
}

function oauthError(code: ErrorCode): string | undefined {
	if (code === 'PC_TOKEN_MISSING') return undefined;
	if (code === 'PC_TOKEN_SCOPE') return 'insufficient_scope';
	if (code === 'PC_HEADER_INVALID') return 'invalid_request';
	return code.startsWith('PC_TOKEN_') || code === 'PC_KEY_INVALID' ? 'invalid_token' : undefined;
}

// RFC 6750 §3 allows neither quotes nor backslashes in a description.
function describe(sentence: string): string {
	return sentence.replaceAll('"', "'").replace(/[^\x20-\x5b\x5d-\x7e]/g, '');
}

// The address can hold the request's Host: whatever could end the quoted text or the header line is percent-encoded.
function encodeUrl(url: string): string {
	return url.replace(/[^\x21\x23-\x5b\x5d-\x7e]/gu, (character) =>
		Buffer.from(character).toString('hex').replace(/../g, '%$&'),
	);
}
