import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathOf, prefixesAt, unwrapUri, wrapUri } from './address.ts';

const SERVER = { workspace: 'google', slug: 'jira' };

describe('an address', () => {
	it('has one path', () => {
		expect(pathOf({ kind: 'all' })).toBe('/mcp');
		expect(pathOf({ kind: 'workspace', workspace: 'google' })).toBe('/w/google/mcp');
		expect(pathOf({ kind: 'toolset', workspace: 'google', toolset: 'daily' })).toBe('/w/google/t/daily/mcp');
		expect(pathOf({ kind: 'server', workspace: 'google', server: 'jira' })).toBe('/w/google/s/jira/mcp');
	});

	it('says what stands before the names of a server there', () => {
		expect(prefixesAt({ kind: 'all' }, SERVER)).toEqual(['google', 'jira']);
		expect(prefixesAt({ kind: 'workspace', workspace: 'google' }, SERVER)).toEqual(['jira']);
		expect(prefixesAt({ kind: 'toolset', workspace: 'google', toolset: 'daily' }, SERVER)).toEqual(['jira']);
		expect(prefixesAt({ kind: 'server', workspace: 'google', server: 'jira' }, SERVER)).toEqual([]);
	});
});

describe('a wrapped URI', () => {
	it('gives back whose it is and the URI as it was', () => {
		fc.assert(
			fc.property(fc.string({ unit: 'binary' }), (uri) => {
				expect(unwrapUri(wrapUri(SERVER, uri))).toEqual({ ...SERVER, uri });
			}),
		);
	});

	it('is made even of what no URI can hold', () => {
		expect(unwrapUri(wrapUri(SERVER, 'a:\ud800'))).toEqual({ ...SERVER, uri: 'a:\ufffd' });
	});

	it('can be wrapped again', () => {
		const inner = wrapUri({ workspace: 'other', slug: 'inner' }, 'a:b/c');
		expect(unwrapUri(wrapUri(SERVER, inner))).toEqual({ ...SERVER, uri: inner });
	});

	it.each([
		'test://google/jira/x',
		'portcullis:/google/jira/x',
		'portcullis://google',
		'portcullis://google/jira',
		'portcullis://google/jira/%zz',
		'portcullis://google/jira/a/b',
		'PORTCULLIS://google/jira/x',
		'',
	])('is none of ours when it looks like %s', (uri) => {
		expect(unwrapUri(uri)).toBeUndefined();
	});
});
