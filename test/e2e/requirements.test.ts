import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { REQUIREMENTS, type Requirement } from './requirements.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Names of the tests in a source text, each with its groups before it; a test that is skipped or to do is none. */
function testNames(text: string): readonly string[] {
	const tree = ts.createSourceFile('x.test.ts', text, ts.ScriptTarget.Latest, true);
	return namesBelow(tree, []);
}

function namesBelow(node: ts.Node, groups: readonly string[]): string[] {
	const call = ts.isCallExpression(node) ? readCall(node) : undefined;
	const own = call?.kind === 'test' ? [[...groups, call.title].join(' > ')] : [];
	const inner = call?.kind === 'group' ? [...groups, call.title] : groups;
	const below: string[] = [];
	ts.forEachChild(node, (child) => void below.push(...namesBelow(child, inner)));
	return [...own, ...below];
}

interface TestCall {
	readonly kind: 'test' | 'group';
	readonly title: string;
}

/** `it('…')`, `test.each(…)('…')`, `describe.skipIf(…)('…')` and their like. */
function readCall(node: ts.CallExpression): TestCall | undefined {
	const words = wordsOf(node.expression);
	const kind = words[0] === 'describe' ? 'group' : words[0] === 'it' || words[0] === 'test' ? 'test' : undefined;
	if (kind === undefined || words.includes('skip') || words.includes('todo')) return undefined;
	// The inner call of `it.each(…)('…')` has no title of its own.
	const isInner = ts.isCallExpression(node.parent) && node.parent.expression === node;
	const title = node.arguments[0];
	if (isInner || title === undefined || !(ts.isStringLiteralLike(title) || ts.isTemplateExpression(title)))
		return undefined;
	return { kind, title: ts.isStringLiteralLike(title) ? title.text : title.getText().slice(1, -1) };
}

function wordsOf(callee: ts.Expression): readonly string[] {
	if (ts.isIdentifier(callee)) return [callee.text];
	if (ts.isPropertyAccessExpression(callee)) return [...wordsOf(callee.expression), callee.name.text];
	return ts.isCallExpression(callee) ? wordsOf(callee.expression) : [];
}

/** What is wrong with a list of requirements; `read` gives the text of a test file, or `undefined`. */
function faultsOf(requirements: readonly Requirement[], read: (file: string) => string | undefined): readonly string[] {
	const names = new Map<string, readonly string[] | undefined>();
	const namesIn = (file: string): readonly string[] | undefined => {
		if (!names.has(file)) {
			const text = read(file);
			names.set(file, text === undefined ? undefined : testNames(text));
		}
		return names.get(file);
	};
	return requirements.flatMap(({ id, proofs }, at) => [
		...(requirements.findIndex((other) => other.id === id) < at ? [`${id} is there twice`] : []),
		...(proofs.length === 0 ? [`${id} is not tested`] : []),
		...proofs.flatMap(([file, test]) => {
			const found = namesIn(file);
			if (found === undefined) return [`${id}: there is no ${file}`];
			return found.some((name) => name.includes(test)) ? [] : [`${id}: ${file} has no test "${test}"`];
		}),
	]);
}

describe('the requirements', () => {
	it('are all proved by tests that exist', () => {
		const read = (file: string): string | undefined =>
			existsSync(join(ROOT, file)) ? readFileSync(join(ROOT, file), 'utf8') : undefined;
		expect(faultsOf(REQUIREMENTS, read)).toEqual([]);
	});

	it('are sentences with a source', () => {
		for (const { id, promise, source } of REQUIREMENTS) {
			expect(id).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/);
			expect(promise, id).toMatch(/^[A-Za-z].+\.$/);
			expect(source, id).toMatch(/\.md|RFC \d|mcp|JSON-RPC/);
		}
	});
});

describe('the rule about requirements', () => {
	const requirement = (id: string, ...proofs: Requirement['proofs'][number][]): Requirement => {
		return { id, promise: 'It works.', source: 'README.md', proofs };
	};
	const files: Readonly<Record<string, string>> = {
		'a.test.ts': `
			describe('a thing', () => {
				it('works', () => {});
				test.each([1, 2])('works %i times', () => {});
				it.each(LIST)(\`works as \${name}\`, () => {});
				it.skip('works one day', () => {});
				describe.skipIf(x)('inside', () => void it('works there', () => {}));
				it.todo('shines');
			});
			const text = "it('is not a test', () => {})";`,
	};
	const faults = (...requirements: Requirement[]) => faultsOf(requirements, (file) => files[file]);

	it.each([
		'works',
		'a thing > works',
		'works %i times',
		'a thing > works as ${name}',
		'a thing > inside > works there',
	])('finds the test %s', (test) => expect(faults(requirement('r', ['a.test.ts', test]))).toEqual([]));

	it.each(['shines', 'one day', 'is not a test', 'plays', 'inside > works %i'])('misses the test %s', (test) => {
		expect(faults(requirement('r', ['a.test.ts', test]))).toEqual([`r: a.test.ts has no test "${test}"`]);
	});

	it('misses files, proofs and the second of two with one id', () => {
		expect(faults(requirement('r', ['b.test.ts', 'works']))).toEqual(['r: there is no b.test.ts']);
		expect(faults(requirement('r'))).toEqual(['r is not tested']);
		expect(faults(requirement('r', ['a.test.ts', 'works']), requirement('r', ['a.test.ts', 'works']))).toEqual([
			'r is there twice',
		]);
	});
});
