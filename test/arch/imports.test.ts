import { describe, expect, it } from 'vitest';
import { cycleFaults, directionFaults } from './rules/imports.ts';
import { environmentFaults, ownerFaults, revealFaults, shellFaults } from './rules/owners.ts';
import type { Rule } from './rules/rule.ts';
import { effectFaults, stateFaults } from './rules/state.ts';
import { parseSource, SOURCES } from './source-files.ts';

/** What a rule finds in one planted file. */
const plant = (rule: Rule, path: string, text: string) => rule([parseSource(path, text)]);

describe('imports of src', () => {
	it('has sources to look at', () => expect(SOURCES.length).toBeGreaterThan(0));
	it('go down the layers, and between stages carry only types', () => expect(directionFaults(SOURCES)).toEqual([]));
	it('form no cycle', () => expect(cycleFaults(SOURCES)).toEqual([]));
	it('reach programs, HTTP and SQL only from the folder that owns them', () =>
		expect(ownerFaults(SOURCES)).toEqual([]));
	it('start programs without a shell', () => expect(shellFaults(SOURCES)).toEqual([]));
	it('leave the environment to config', () => expect(environmentFaults(SOURCES)).toEqual([]));
	it('leave secrets to credentials', () => expect(revealFaults(SOURCES)).toEqual([]));
	it('keep no state at module level', () => expect(stateFaults(SOURCES)).toEqual([]));
	it('do nothing when they are loaded', () => expect(effectFaults(SOURCES)).toEqual([]));
});

describe('the rule of direction', () => {
	it.each([
		[
			'lib knows nothing above it',
			'src/lib/a.ts',
			"import { x } from '../mcp/b.ts';",
			'imports mcp, but lib may not know it',
		],
		[
			'errors know nothing else',
			'src/errors/a.ts',
			"import type { x } from '../lib/b.ts';",
			'imports lib, but errors may not know it',
		],
		[
			'mcp does not know config',
			'src/mcp/a.ts',
			"import type { x } from '../config/b.ts';",
			'imports config, but mcp may not know it',
		],
		[
			'config does not know the store',
			'src/config/a.ts',
			"import { x } from '../store/b.ts';",
			'imports store, but config may not know it',
		],
		[
			'a stage does not know the edge',
			'src/router/a.ts',
			"import type { x } from '../edge/b.ts';",
			'imports edge, but router may not know it',
		],
		[
			'a stage does not call another',
			'src/policy/a.ts',
			"import { x } from '../router/b.ts';",
			'imports a value from the stage router; only its types may cross',
		],
		[
			'a mixed import counts as a value',
			'src/policy/a.ts',
			"import { type X, y } from '../router/b.ts';",
			'imports a value from the stage router; only its types may cross',
		],
		[
			're-exports count',
			'src/policy/a.ts',
			"export * from '../router/b.ts';",
			'imports a value from the stage router; only its types may cross',
		],
		[
			'a stage does not know a later one',
			'src/identity/a.ts',
			"import type { X } from '../router/b.ts';",
			'imports router, a later stage than identity',
		],
		[
			'audit knows no stage',
			'src/audit/a.ts',
			"import type { X } from '../identity/b.ts';",
			'imports identity, a later stage than audit',
		],
		[
			'the pipeline does not know the edge',
			'src/pipeline.ts',
			"import type { X } from './edge/b.ts';",
			'imports edge, but pipeline may not know it',
		],
		[
			'the edge does not know the app',
			'src/edge/a.ts',
			"import { x } from '../app.ts';",
			'imports app, but edge may not know it',
		],
		[
			'the edge does not know the management API',
			'src/edge/a.ts',
			"import type { x } from '../admin/b.ts';",
			'imports admin, but edge may not know it',
		],
		[
			'the app does not know the commands',
			'src/app.ts',
			"import { x } from './cli/b.ts';",
			'imports cli, but app may not know it',
		],
		['nobody knows main', 'src/cli/a.ts', "import { x } from '../main.ts';", 'imports main, but cli may not know it'],
		[
			'src does not know the tests',
			'src/cli/a.ts',
			"import { x } from '../../test/b.ts';",
			'imports test/b.ts, which no layer of src holds',
		],
		[
			'a lazy import counts',
			'src/lib/a.ts',
			"export const x = () => import('../config/b.ts');",
			'imports config, but lib may not know it',
		],
		[
			'a type written as an import counts',
			'src/lib/a.ts',
			"export type X = import('../config/b.ts').Y;",
			'imports config, but lib may not know it',
		],
		[
			'an import is spelled out',
			'src/lib/a.ts',
			'export const x = (y: string) => import(y);',
			'computes what it imports; name the module',
		],
	])('%s', (_, path, text, fault) => expect(plant(directionFaults, path, text)).toEqual([`${path}:1 ${fault}`]));

	it('refuses a folder it has never heard of', () => {
		expect(plant(directionFaults, 'src/extra/a.ts', '')).toEqual([
			'src/extra/a.ts is in no layer; add its folder to the table',
		]);
	});

	it.each([
		['src/policy/a.ts', "import type { X } from '../router/b.ts';"],
		['src/policy/a.ts', "import { type X } from '../identity/b.ts'; import { y } from '../errors/b.ts';"],
		['src/upstream/a.ts', "import type { Trail } from '../audit/b.ts';"],
		['src/pipeline.ts', "import { x } from './policy/b.ts'; import { y } from './upstream/b.ts';"],
		['src/admin/a.ts', "import { x } from '../edge/b.ts'; import type { X } from '../store/c.ts';"],
		['src/mcp/a.ts', "import { x } from '../lib/b.ts'; import { y } from './c.ts';"],
		['src/policy/a.test.ts', "import { x } from '../router/b.ts';"],
	])('accepts what the table allows in %s: %s', (path, text) => expect(plant(directionFaults, path, text)).toEqual([]));
});

describe('the rule against cycles', () => {
	const file = (name: string, to: string) => parseSource(`src/lib/${name}.ts`, `import type { X } from './${to}.ts';`);

	it('finds a cycle of types over three files', () => {
		const faults = cycleFaults([file('a', 'b'), file('b', 'c'), file('c', 'a')]);
		expect(faults).toEqual(['src/lib/a.ts → src/lib/b.ts → src/lib/c.ts → src/lib/a.ts']);
	});

	it('accepts two ways to one file', () => {
		const both = parseSource('src/lib/a.ts', "import './b.ts'; import './c.ts';");
		expect(cycleFaults([both, file('b', 'd'), file('c', 'd'), parseSource('src/lib/d.ts', '')])).toEqual([]);
	});
});

describe('the rules of ownership', () => {
	it.each([
		['src/upstream/http.ts', "import { spawn } from 'node:child_process';"],
		['src/router/a.ts', "import type { IncomingMessage } from 'node:http';"],
		['src/router/a.ts', "import http from 'http';"],
		['src/cli/serve.ts', "export const load = () => import('node:http');"],
		['src/policy/a.ts', "import fastify from 'fastify';"],
		['src/router/a.ts', "import pg from 'pg';"],
	])('%s may not say: %s', (path, text) => expect(plant(ownerFaults, path, text)).toHaveLength(1));

	it.each([
		['src/upstream/stdio.ts', "import { spawn } from 'node:child_process';"],
		['src/upstream/stdio/pool.ts', "import { spawn } from 'node:child_process';"],
		['src/edge/listen.ts', "import { createServer } from 'node:http';"],
		['src/cli/demo-directory.ts', "import { createServer } from 'node:http';"],
		['src/store/pool.ts', "import pg from 'pg';"],
	])('%s may say: %s', (path, text) => expect(plant(ownerFaults, path, text)).toEqual([]));

	it.each([
		"import { exec } from 'node:child_process';",
		"import { execSync as run } from 'node:child_process';",
		"import * as programs from 'node:child_process';",
		"import programs from 'child_process';",
		"import { spawn } from 'node:child_process'; spawn('x', [], { shell: true });",
		"import { spawn } from 'node:child_process'; const run = (shell: boolean) => spawn('x', [], { shell });",
	])('finds a shell in: %s', (text) => expect(plant(shellFaults, 'src/upstream/stdio.ts', text)).toHaveLength(1));

	it('accepts a program with an argument list', () => {
		const text = "import { spawn } from 'node:child_process'; spawn('x', ['y'], { shell: false });";
		expect(plant(shellFaults, 'src/upstream/stdio.ts', text)).toEqual([]);
	});

	it.each([
		'export const x = () => process.env.HOME;',
		"export const x = () => process['env'];",
		'export const x = () => globalThis.process.env;',
		'export function x() { const { env } = process; return env; }',
		"import { env } from 'node:process';",
	])('finds the environment in: %s', (text) => {
		expect(plant(environmentFaults, 'src/edge/a.ts', text)).toHaveLength(1);
		expect(plant(environmentFaults, 'src/config/a.ts', text)).toEqual([]);
		expect(plant(environmentFaults, 'src/main.ts', text)).toEqual([]);
	});

	it.each(['secret.reveal();', 'const { reveal } = secret;', "secret['reveal']();", 'list.map((x) => x?.reveal());'])(
		'finds a revealed secret in: %s',
		(text) => {
			expect(plant(revealFaults, 'src/upstream/a.ts', text)).toHaveLength(1);
			expect(plant(revealFaults, 'src/credentials/a.ts', text)).toEqual([]);
		},
	);
});

describe('the rules of state and effects', () => {
	it.each([
		'let count = 0;',
		'export let count = 0;',
		'var count = 0;',
		'const seen = new Map<string, number>();',
		'const seen = new Set;',
		'const caches = { tokens: new WeakMap() };',
		'const tokens = new LRUCache({ max: 10 });',
		'class Cache { static readonly entries = new Map(); }',
	])('finds state in: %s', (text) => expect(plant(stateFaults, 'src/lib/a.ts', text)).toHaveLength(1));

	it.each([
		"const LEVELS = new Map([['read', 0]]);",
		'export function create() { let count = 0; const seen = new Map(); return { count, seen }; }',
		'class Cache { readonly entries = new Map(); }',
		'for (const x of [1]) {}',
	])('finds none in: %s', (text) => expect(plant(stateFaults, 'src/lib/a.ts', text)).toEqual([]));

	it.each(['register();', "import './register.ts';", 'await start();'])('finds an effect in: %s', (text) => {
		expect(plant(effectFaults, 'src/lib/a.ts', text)).toHaveLength(1);
		expect(plant(effectFaults, 'src/main.ts', text)).toEqual([]);
	});
});
