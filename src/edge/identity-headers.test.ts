import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { errorCode } from '../errors/portcullis-error.ts';
import { readHeaders } from './check-headers.ts';
import { dropForeignHeaders, IDENTITY_HEADERS, IDENTITY_PREFIXES, identityNameOf } from './identity-headers.ts';

const NONE: ReadonlySet<string> = new Set<string>([]);

/** A request as far as its headers go; node:http joins what is repeated, and lists it apart. */
function requestWith(pairs: readonly (readonly [string, string])[]): IncomingMessage {
	const headers: Record<string, string> = {};
	const headersDistinct: Record<string, string[]> = {};
	for (const [name, value] of pairs) {
		headers[name.toLowerCase()] ??= value;
		headersDistinct[name.toLowerCase()] = [...(headersDistinct[name.toLowerCase()] ?? []), value];
	}
	return { rawHeaders: pairs.flat(), headers, headersDistinct } as unknown as IncomingMessage;
}

function faultOf(request: IncomingMessage): unknown {
	try {
		readHeaders(['Host', 'localhost', ...request.rawHeaders]);
		return undefined;
	} catch (error) {
		return errorCode(error);
	}
}

/** Any spelling of a name: each letter in either case, each dash perhaps an underscore. */
const spelled = (name: string): fc.Arbitrary<string> =>
	fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: name.length, maxLength: name.length }).map((choices) =>
		[...name]
			.map((letter, at) => (letter === '-' && choices[at]?.[1] ? '_' : letter))
			.map((letter, at) => (choices[at]?.[0] ? letter.toUpperCase() : letter))
			.join(''),
	);

const ending = fc.stringMatching(/^[a-z0-9-]{1,12}$/);
const identityName = fc
	.oneof(
		fc.constantFrom(...IDENTITY_HEADERS),
		fc.tuple(fc.constantFrom(...IDENTITY_PREFIXES), ending).map((x) => x.join('')),
	)
	.chain(spelled);
const harmless = fc.constantFrom(
	'Accept',
	'Authorization',
	'Mcp-Session-Id',
	'X-Forwarded-For',
	'X-Request-Id',
	'X-Users',
);

describe('a header that says who somebody is', () => {
	test('is known in every spelling, and no other is', () => {
		fc.assert(fc.property(identityName, (name) => identityNameOf(name) !== undefined));
		fc.assert(fc.property(harmless.chain(spelled), (name) => identityNameOf(name) === undefined));
	});

	test('is gone before anything looks, whatever its spelling and place; the rest stays in order', () => {
		const pair = (name: fc.Arbitrary<string>) => fc.tuple(name, fc.string());
		const pairs = fc.tuple(fc.array(pair(harmless), { maxLength: 4 }), pair(identityName), fc.array(pair(harmless)));
		fc.assert(
			fc.property(pairs, ([before, forged, after]) => {
				const request = requestWith([...before, forged, ...after]);
				dropForeignHeaders(request, NONE);
				expect(request.rawHeaders).toEqual([...before, ...after].flat());
				expect(Object.keys(request.headers)).not.toContain(forged[0].toLowerCase());
				expect(Object.keys(request.headersDistinct)).not.toContain(forged[0].toLowerCase());
			}),
		);
	});

	test('refuses the request when it stands twice, twins and cases counted together', () => {
		const twice = fc
			.constantFrom(...IDENTITY_HEADERS, 'x-user-id', 'x-edge-assertion', 'x-openwebui-user-jwt')
			.chain((name) => fc.tuple(fc.constant(name), spelled(name), spelled(name)));
		fc.assert(
			fc.property(twice, fc.boolean(), ([name, one, other], isRead) => {
				const request = requestWith([
					[one, 'a'],
					['Accept', '*/*'],
					[other, 'b'],
				]);
				dropForeignHeaders(request, isRead ? new Set([name]) : NONE);
				expect(faultOf(request)).toBe('PC_HEADER_INVALID');
			}),
		);
	});

	it('stays where it is read, in the spelling that is read', () => {
		const request = requestWith([
			['X-User-Id', 'a'],
			['X_User_Name', 'b'],
			['X-User-Email', 'c'],
		]);
		dropForeignHeaders(request, new Set(['x-user-id', 'x-user-name']));
		expect(request.rawHeaders).toEqual(['X-User-Id', 'a']);
		expect(request.headers).toEqual({ 'x-user-id': 'a' });
		expect(faultOf(request)).toBeUndefined();
	});

	it('of Open WebUI stays for API keys, except its twins', () => {
		const request = requestWith([
			['X-OpenWebUI-User-Jwt', 'a'],
			['X_OpenWebUI_User_Email', 'b'],
		]);
		dropForeignHeaders(request, NONE);
		expect(request.rawHeaders).toEqual(['X-OpenWebUI-User-Jwt', 'a']);
	});
});

describe('a cookie', () => {
	it('is gone before anything looks', () => {
		const request = requestWith([
			['cOOkie', 'session=1'],
			['Accept', '*/*'],
			['Cookie', 'session=2'],
		]);
		dropForeignHeaders(request, NONE);
		expect(request.rawHeaders).toEqual(['Accept', '*/*']);
		expect(request.headers).toEqual({ accept: '*/*' });
	});

	it.each([
		...['/mcp', '/w/connect/mcp', '/mcp?/connect', '/connected', '/%63onnect', '//connect', '/api/v1/connect', ''],
		...['/oauths/x', '/CONNECT', '/tools', '/w/a/s/oauth/openapi.json'],
	])('is taken away everywhere but at the pages for people: at %s', (url) => {
		const request = Object.assign(requestWith([['Cookie', 'session=1']]), { url });
		dropForeignHeaders(request, NONE);
		expect(request.rawHeaders).toEqual([]);
		expect(request.headers).toEqual({});
	});

	it.each(['/connect', '/connect/w/a/s/b/key', '/connect?x', '/oauth/callback?code=x'])('stays at %s', (url) => {
		const request = Object.assign(requestWith([['Cookie', 'session=1']]), { url });
		dropForeignHeaders(request, NONE);
		expect(request.rawHeaders).toEqual(['Cookie', 'session=1']);
	});
});
