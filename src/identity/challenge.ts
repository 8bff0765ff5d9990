import { ERRORS, type ErrorCode } from '../errors/table.ts';

/**
 * Value of `WWW-Authenticate` for an answer with this error: RFC 6750 §3 with `resource_metadata` of RFC 9728 §5.1,
 * from which a client learns where to sign in. A request without a token gets no `error` (RFC 6750 §3.1).
 */
export function challengeFor(code: ErrorCode, resourceMetadataUrl: string): string {
	const error = oauthError(code);
	const parameters = [
		...(error === undefined ? [] : [`error="${error}"`, `error_description="${describe(code)}"`]),
		`resource_metadata="${encodeUrl(resourceMetadataUrl)}"`,
	];
	return `Bearer ${parameters.join(', ')}`;
}

function oauthError(code: ErrorCode): string | undefined {
	if (code === 'PC_TOKEN_MISSING') return undefined;
	if (code === 'PC_HEADER_INVALID') return 'invalid_request';
	return code.startsWith('PC_TOKEN_') || code === 'PC_KEY_INVALID' ? 'invalid_token' : undefined;
}

// RFC 6750 §3 allows neither quotes nor backslashes in a description.
function describe(code: ErrorCode): string {
	return ERRORS[code].sentence.replaceAll('"', "'").replace(/[^\x20-\x5b\x5d-\x7e]/g, '');
}

// The address can hold the request's Host: whatever could end the quoted text or the header line is percent-encoded.
function encodeUrl(url: string): string {
	return url.replace(/[^\x21\x23-\x5b\x5d-\x7e]/gu, (character) =>
		Buffer.from(character).toString('hex').replace(/../g, '%$&'),
	);
}
