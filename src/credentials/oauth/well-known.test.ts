import { describe, expect, it } from 'vitest';
import { canonicalResource, coversServer, issuerMetadataUrls, resourceMetadataUrls } from './well-known.ts';

describe('addresses of metadata', () => {
	it('of a server have its path inserted, then stand at the root', () => {
		expect(resourceMetadataUrls(new URL('https://a.example/w/x/mcp/'))).toEqual([
			'https://a.example/.well-known/oauth-protected-resource/w/x/mcp',
			'https://a.example/.well-known/oauth-protected-resource',
		]);
		expect(resourceMetadataUrls(new URL('https://a.example'))).toEqual([
			'https://a.example/.well-known/oauth-protected-resource',
		]);
	});

	it('of an issuer are those of RFC 8414, then of OpenID Connect in both forms', () => {
		expect(issuerMetadataUrls(new URL('https://as.example/t/1/'))).toEqual([
			'https://as.example/.well-known/oauth-authorization-server/t/1',
			'https://as.example/.well-known/openid-configuration/t/1',
			'https://as.example/t/1/.well-known/openid-configuration',
		]);
		expect(issuerMetadataUrls(new URL('https://as.example/'))).toEqual([
			'https://as.example/.well-known/oauth-authorization-server',
			'https://as.example/.well-known/openid-configuration',
		]);
	});
});

describe('the name of a server', () => {
	it('has neither fragment nor slash at its end', () => {
		expect(canonicalResource(new URL('https://A.example:443/mcp/#x'))).toBe('https://a.example/mcp');
		expect(canonicalResource(new URL('https://a.example/'))).toBe('https://a.example');
	});

	it.each([
		['https://a.example/w/mcp', true],
		['https://a.example/w/mcp/', true],
		['https://a.example/w', true],
		['https://a.example', true],
		['https://a.example/w/mc', false],
		['https://a.example/w/mcp/more', false],
		['https://a.example/other', false],
		['https://a.example:8443/w/mcp', false],
		['http://a.example/w/mcp', false],
		['https://b.example/w/mcp', false],
		['https://a.example.evil.example/w/mcp', false],
		['https://user@a.example/w/mcp', false],
		['https://a.example/w/mcp#f', false],
		['https://a.example/w/mcp?x=1', false],
		['urn:a', false],
		['', false],
	])('%s covers https://a.example/w/mcp: %s', (resource, covers) => {
		expect(coversServer(resource, new URL('https://a.example/w/mcp'))).toBe(covers);
	});

	it('never covers by an origin that is none', () => {
		expect(coversServer('data:,x', new URL('data:,x'))).toBe(false);
	});
});
