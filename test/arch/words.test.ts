import { describe, expect, it } from 'vitest';
import { lockfileFaults, traceFaults, wordFaults } from './rules/words.ts';
import { listTrackedPaths, parseSource, readProjectFile, SOURCES } from './source-files.ts';

describe('words', () => {
	it('call the unit of isolation a workspace', () => expect(wordFaults(SOURCES)).toEqual([]));

	it('name no machine and no package registry in tracked files', () => {
		const files = listTrackedPaths().map((path) => ({ path, text: readProjectFile(path) }));
		expect(traceFaults(files)).toEqual([]);
	});

	it('leave addresses out of the lockfile', () =>
		expect(lockfileFaults(readProjectFile('package-lock.json'))).toEqual([]));
});

describe('the rules of words', () => {
	const plant = (text: string, path = 'src/router/a.ts') => wordFaults([parseSource(path, text)]);

	it.each([
		'const tenant = 1;',
		'x.tenantName;',
		"const x = 'no such tenant';",
		'const x = `no such tenant`;',
		'const x = /^tenant/;',
		'class X { #tenant = 1; }',
		'const TENANT = 1;',
	])('find the word in: %s', (text) => expect(plant(text)).toEqual(['src/router/a.ts:1 says tenant; say workspace']));

	it.each([
		"const x = { tenantId: tid, tid: '' };",
		"const x = 'an Entra tenant that is not accepted';",
		"const x = 'X-Tenant-ID';",
		'// tenant',
	])('accept the directory in: %s', (text) => expect(plant(text)).toEqual([]));

	it.each(["const DEMO_TENANT = '';", "const x = 'tid is not the tenant of iss';"])(
		'accept, where directories are handled: %s',
		(text) => {
			expect(plant(text, 'src/identity/a.ts')).toEqual([]);
			expect(plant(text)).toHaveLength(1);
		},
	);

	it('find the word where directories are handled, too', () => {
		expect(plant("const x = 'no such tenant'; const tenant = 1;", 'src/identity/a.ts')).toHaveLength(2);
	});

	it('judge the names of files', () =>
		expect(plant('', 'src/router/tenant.ts')).toEqual(['src/router/tenant.ts is named after a tenant']));

	// Put together here, so that this file does not hold what it forbids.
	it.each([
		['holds a path of one machine', ['see ', 'work', 'main'].join('/')],
		["holds a path of somebody's home", ['', 'home', 'alice', 'notes'].join('/')],
		['names a package registry', ['https://registry', 'npmjs', 'org'].join('.')],
		['names a package registry', ['https://www', 'npmjs', 'com/package/zod'].join('.')],
	])('find what %s', (fault, text) => {
		expect(traceFaults([{ path: 'docs/a.md', text: `First line.\n${text}\n` }])).toEqual([`docs/a.md:2 ${fault}`]);
	});

	it('accept addresses of the product', () => {
		expect(traceFaults([{ path: 'docs/a.md', text: 'POST /w/acme/s/jira/mcp, /work, framework/s/' }])).toEqual([]);
	});

	it('find an address in the lockfile', () => {
		expect(lockfileFaults(`{ "${'resolved'}": "https://example.test/x.tgz" }`)).toHaveLength(1);
		expect(lockfileFaults(`{ "${'resolved'}": "console", "link": true }`)).toEqual([]);
	});
});
