import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BridgeLayout, findBridgeTarget, pathOfServer } from './bridge-address.ts';

const NAMED: BridgeLayout = { kind: 'named', prefix: '/', rootPath: '' };
const SLUGS = new Map([
	['time', 'time'],
	['My Server', 'my-server'],
	['a', 'a'],
	['a/b', 'a-b'],
	['docs', 'docs'],
]);
const find = (target: string, method = 'GET', layout = NAMED) => findBridgeTarget({ method, target }, layout, SLUGS);
const server = (slug: string, rest: string, isOpen = true) => ({
	...{ kind: 'openapi', target: `/w/bridge/s/${slug}/${rest}`, isOpen },
});

describe('an address of a bridge', () => {
	it.each<[string, string, unknown]>([
		['GET', '/openapi.json', { kind: 'root' }],
		['GET', '/openapi.json/?x=1', { kind: 'root' }],
		['GET', '/docs', { kind: 'openapi', target: '/w/bridge/docs', isOpen: true }],
		['POST', '/mcp', { kind: 'mcp', target: '/w/bridge/mcp', isOpen: false }],
		['GET', '/time/openapi.json', server('time', 'openapi.json')],
		['GET', '/time/docs/', server('time', 'docs')],
		['HEAD', '/time/redoc', server('time', 'docs')],
		['POST', '/time/redoc', server('time', 'redoc', false)],
		['POST', '/time/mcp', { kind: 'mcp', target: '/w/bridge/s/time/mcp', isOpen: false }],
		['POST', '/My%20Server/x', server('my-server', 'x', false)],
		['POST', '/time/get_time', server('time', 'get_time', false)],
		['POST', '/time/get%2Ftime', server('time', 'get%2Ftime', false)],
		['POST', '/time/get/time', server('time', 'get%2Ftime', false)],
		['GET', '/time/get_time', server('time', 'get_time')],
		['POST', '/a/b', server('a', 'b', false)],
		['POST', '/a/b/c', server('a-b', 'c', false)],
		['GET', '/docs/openapi.json', server('docs', 'openapi.json')],
		['GET', '/time/docs/docs-files/viewer.js', { kind: 'openapi', target: '/docs-files/viewer.js', isOpen: true }],
		['GET', '/', undefined],
		['GET', '/time', undefined],
		['GET', '/time/', undefined],
		['GET', '/nowhere/docs', undefined],
		['POST', '/openapi.json', undefined],
		['POST', '/time/%zz', undefined],
		['POST', '/w/bridge/s/time/x', undefined],
	])('%s %s', (method, target, found) => expect(find(target, method)).toEqual(found));

	it('stands below the prefix alone, where there is one, and the list at the root as well', () => {
		const layout: BridgeLayout = { kind: 'named', prefix: '/x/y/', rootPath: '/r' };
		expect(find('/x/y/time/docs', 'GET', layout)).toEqual(server('time', 'docs'));
		expect(find('/time/docs', 'GET', layout)).toBeUndefined();
		for (const target of ['/openapi.json', '/x/y/openapi.json'])
			expect(find(target, 'GET', layout)).toEqual({ kind: 'root' });
		expect(pathOfServer(layout, 'My Server')).toBe('/r/x/y/My%20Server');
		expect(pathOfServer({ ...layout, kind: 'single' }, 'time')).toBe('/r');
	});

	it('is of a server that there is, whatever is sent, and never more than its own part of the gateway', () => {
		const part = fc.constantFrom(
			'time',
			'a',
			'b',
			'..',
			'.',
			'%2e%2e',
			'%2f',
			'w',
			's',
			'mcp',
			'docs',
			'',
			'%00',
			';',
			'#',
			'?',
		);
		fc.assert(
			fc.property(fc.array(part, { maxLength: 6 }), fc.constantFrom('GET', 'POST'), (parts, method) => {
				const found = find(`/${parts.join('/')}`, method);
				if (found === undefined || found.kind === 'root') return;
				expect(found.target).toMatch(/^\/w\/bridge\/(?:mcp|docs|s\/(?:time|a|a-b|docs)\/[^/?#;]+)$/);
				if (method === 'POST' && !/\/(?:docs|openapi\.json)$/.test(found.target)) expect(found.isOpen).toBe(false);
			}),
		);
	});
});
