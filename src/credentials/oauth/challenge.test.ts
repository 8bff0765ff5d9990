import { describe, expect, it } from 'vitest';
import { parseBearerChallenge } from './challenge.ts';

describe('a challenge', () => {
	it('names the metadata, the scopes and the error', () => {
		const header =
			'Bearer error="insufficient_scope", error_description="say \\"please\\"", scope="mcp:read mcp:write mcp:read", resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp"';
		expect(parseBearerChallenge(header)).toEqual({
			resourceMetadata: 'https://mcp.example/.well-known/oauth-protected-resource/mcp',
			scopes: ['mcp:read', 'mcp:write'],
			error: 'insufficient_scope',
		});
	});

	it('is found among those of other schemes, in one header or several', () => {
		const expected = { resourceMetadata: 'https://a.example/m', scopes: undefined, error: undefined };
		const bearer = 'bearer resource_metadata=https://a.example/m';
		expect(parseBearerChallenge(`Basic realm="x, y", ${bearer}, Digest nonce="resource_metadata"`)).toEqual(expected);
		expect(parseBearerChallenge(['Basic realm="Bearer"', bearer])).toEqual(expected);
	});

	it('keeps the first of a parameter that is said twice, and none of another scheme', () => {
		const header = 'DPoP scope="a", Bearer scope="b", scope="c", Basic scope="d"';
		expect(parseBearerChallenge(header)?.scopes).toEqual(['b']);
	});

	it.each([undefined, '', 'Basic realm="x"', 'Negotiate YWJj==', '"', ',,,'])('is none in %j', (header) => {
		expect(parseBearerChallenge(header)).toBeUndefined();
	});

	it('without parameters says nothing more', () => {
		expect(parseBearerChallenge('Bearer')).toEqual({
			resourceMetadata: undefined,
			scopes: undefined,
			error: undefined,
		});
	});

	it('takes no longer than its length', () => {
		expect(parseBearerChallenge(`Bearer ${'a="\\'.repeat(50_000)}`)).toBeDefined();
	});
});
