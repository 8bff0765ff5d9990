import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode } from '../errors/table.ts';
import { challengeFor } from './challenge.ts';

const URL_TEXT = 'https://gateway.example/.well-known/oauth-protected-resource/mcp';

describe('the challenge', () => {
	it('to a request without a token only says where to sign in', () => {
		expect(challengeFor('PC_TOKEN_MISSING', URL_TEXT)).toBe(`Bearer resource_metadata="${URL_TEXT}"`);
	});

	it('to a bad token says invalid_token and why', () => {
		expect(challengeFor('PC_TOKEN_EXPIRED', URL_TEXT)).toBe(
			'Bearer error="invalid_token", error_description="The access token has expired; sign in again.", ' +
				`resource_metadata="${URL_TEXT}"`,
		);
	});

	it('to a repeated header says invalid_request, and to an outage of the directory no error', () => {
		expect(challengeFor('PC_HEADER_INVALID', URL_TEXT)).toContain('error="invalid_request"');
		expect(challengeFor('PC_DIRECTORY_UNAVAILABLE', URL_TEXT)).toBe(`Bearer resource_metadata="${URL_TEXT}"`);
	});

	it('is one line of well-formed quoted parameters whatever the code and the address', () => {
		const codes = fc.constantFrom(...(Object.keys(ERRORS) as ErrorCode[]));
		fc.assert(
			fc.property(codes, fc.string({ unit: 'binary' }), (code, url) => {
				expect(challengeFor(code, url)).toMatch(/^Bearer (?:[a-z_]+="[\x20\x21\x23-\x5b\x5d-\x7e]*"(?:, |$))+$/);
			}),
		);
	});
});
