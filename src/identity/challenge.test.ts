import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { ERRORS, type ErrorCode } from '../errors/table.ts';
import { challengeFor, isChallenged } from './challenge.ts';

const URL_TEXT = 'https://gateway.example/.well-known/oauth-protected-resource/mcp';

const challenge = (code: ErrorCode, resourceMetadataUrl = URL_TEXT, advice?: string): string =>
	challengeFor(new PortcullisError(code, advice === undefined ? {} : { advice }), { resourceMetadataUrl });

describe('the challenge', () => {
	it('to a request without a token only says where to sign in', () => {
		expect(challenge('PC_TOKEN_MISSING')).toBe(`Bearer resource_metadata="${URL_TEXT}"`);
	});

	it('to a bad token says invalid_token and why', () => {
		expect(challenge('PC_TOKEN_EXPIRED')).toBe(
			'Bearer error="invalid_token", error_description="The access token has expired; sign in again.", ' +
				`resource_metadata="${URL_TEXT}"`,
		);
	});

	it('to a repeated header says invalid_request, and to an outage of the directory no error', () => {
		expect(challenge('PC_HEADER_INVALID')).toContain('error="invalid_request"');
		expect(challenge('PC_DIRECTORY_UNAVAILABLE')).toBe(`Bearer resource_metadata="${URL_TEXT}"`);
	});

	it('names the scopes to ask for, and a token without them says so', () => {
		const signIn = { resourceMetadataUrl: URL_TEXT, scopes: ['api://g/a', 'api://g/b'] };
		expect(challengeFor(new PortcullisError('PC_TOKEN_MISSING'), signIn)).toBe(
			`Bearer scope="api://g/a api://g/b", resource_metadata="${URL_TEXT}"`,
		);
		expect(challengeFor(new PortcullisError('PC_TOKEN_SCOPE'), signIn)).toContain('error="insufficient_scope"');
		expect(isChallenged('PC_TOKEN_SCOPE', 403)).toBe(true);
		expect(isChallenged('PC_HOST_REFUSED', 403)).toBe(false);
	});

	it('ends its sentence with advice', () => {
		expect(challenge('PC_TOKEN_AUDIENCE', URL_TEXT, 'Ask for the scope api://g/a.')).toContain(
			'audience. Ask for the scope',
		);
	});

	it('is one line of well-formed quoted parameters whatever the code and the address', () => {
		const codes = fc.constantFrom(...(Object.keys(ERRORS) as ErrorCode[]));
		const TEXT = fc.string({ unit: 'binary' });
		fc.assert(
			fc.property(codes, TEXT, TEXT, (code, url, advice) => {
				expect(challenge(code, url, advice)).toMatch(/^Bearer (?:[a-z_]+="[\x20\x21\x23-\x5b\x5d-\x7e]*"(?:, |$))+$/);
			}),
		);
	});
});
