import { describe, expect, it } from 'vitest';
import { isConnectTarget } from '../edge/connect-target.ts';
import { parseConnectTarget, placeAfterSignIn } from './parse-target.ts';

describe('an address of the pages', () => {
	it.each([
		['/connect', { kind: 'list' }],
		['/connect/?done=x', { kind: 'list' }],
		['/connect/call?for=x', { kind: 'call' }],
		['/oauth/callback?code=x&state=y', { kind: 'callback' }],
		['/connect/files/style.css', { kind: 'file', name: 'style.css' }],
		['/connect/w/google/s/drive/key', { kind: 'key', workspace: 'google', server: 'drive' }],
		['/connect/w/google/s/drive/disconnect/', { kind: 'disconnect', workspace: 'google', server: 'drive' }],
	])('%s is known', (target, parsed) => {
		expect(parseConnectTarget(target)).toEqual(parsed);
		expect(isConnectTarget(target)).toBe(true);
	});

	it.each([
		'/connect/x',
		'/connect/w/google/s/drive',
		'/connect/w/google/s/drive/delete',
		'/connect/w/Google/s/drive/key',
		'/connect/w/%67oogle/s/drive/key',
		'/connect/w/../s/drive/key',
		'/connect//sign-in',
		'/connect/constructor',
		'/connect/files/../../x',
		'/oauth',
	])('%s is not', (target) => expect(parseConnectTarget(target)).toBeUndefined());

	it.each([
		'/connected',
		'/Connect',
		'/mcp?/connect',
		'/mcp',
		'/openapi.json',
		'/oauths',
		'connect',
		'',
		'/',
		'//connect',
	])('%s is none of them', (target) => expect(isConnectTarget(target)).toBe(false));
});

describe('where somebody goes after signing in', () => {
	it.each(['/connect', '/connect/call?for=abc', '/connect/w/google/s/drive/key'])('may be %s', (to) => {
		expect(placeAfterSignIn(to)).toBe(to);
	});

	it.each([
		...['//evil.example', 'https://evil.example/connect', '/\\evil.example', '/connect\\..\\x', '/connect/\tx', '/mcp'],
		...[
			'/connect/sign-in',
			'/connect/sign-out',
			'/oauth/callback?code=x',
			'/connect/call\r\nx: y',
			'',
			'javascript:alert(1)',
		],
		`/connect?x=${'y'.repeat(600)}`,
	])('is the list in place of %s', (to) => expect(placeAfterSignIn(to)).toBe('/connect'));
	it('is the list where nothing is said', () => expect(placeAfterSignIn(null)).toBe('/connect'));
});
