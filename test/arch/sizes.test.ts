import { describe, expect, it } from 'vitest';
import {
	anyFaults,
	documentationFaults,
	entranceFaults,
	fileSizeFaults,
	functionSizeFaults,
	nameFaults,
	nestingFaults,
	parameterFaults,
} from './rules/sizes.ts';
import { listTrackedPaths, parseSource, SOURCES } from './source-files.ts';

describe('src', () => {
	it('has small files', () => expect(fileSizeFaults(SOURCES)).toEqual([]));
	it('can be entered at main, app and pipeline', () => expect(entranceFaults(SOURCES)).toEqual([]));
	it('has small functions', () => expect(functionSizeFaults(SOURCES)).toEqual([]));
	it('nests little', () => expect(nestingFaults(SOURCES)).toEqual([]));
	it('passes few parameters', () => expect(parameterFaults(SOURCES)).toEqual([]));
	it('never says any', () => expect(anyFaults(SOURCES)).toEqual([]));
	it('documents what it exports', () => expect(documentationFaults(SOURCES)).toEqual([]));
	it('is named for what it holds, like every tracked file', () => expect(nameFaults(listTrackedPaths())).toEqual([]));
});

describe('the rules of size', () => {
	const plant = (text: string, path = 'src/lib/a.ts') => [parseSource(path, text)];
	const lines = (count: number) => Array.from({ length: count }, (_, at) => `// ${at}`).join('\n');

	it('count the lines of a file', () => {
		expect(fileSizeFaults(plant(`${lines(400)}\n`))).toEqual([]);
		expect(fileSizeFaults(plant(lines(401)))).toEqual(['src/lib/a.ts has 401 lines, more than 400']);
		expect(fileSizeFaults(plant(lines(61), 'src/pipeline.ts'))).toEqual(['src/pipeline.ts has 61 lines, more than 60']);
		expect(fileSizeFaults(plant(lines(61), 'src/main.ts'))).toHaveLength(1);
		expect(fileSizeFaults(plant(lines(151), 'src/app.ts'))).toHaveLength(1);
		expect(fileSizeFaults(plant(lines(401), 'src/lib/a.test.ts'))).toEqual([]);
	});

	it('miss the entrances', () => {
		expect(entranceFaults([])).toEqual([
			'src/pipeline.ts is missing',
			'src/main.ts is missing',
			'src/app.ts is missing',
		]);
		const rest = [parseSource('src/main.ts', ''), parseSource('src/app.ts', '')];
		const named = parseSource('src/pipeline.ts', 'export async function handleCall() {}');
		const nameless = parseSource('src/pipeline.ts', 'async function handleCall() {}');
		expect(entranceFaults([...rest, named])).toEqual([]);
		expect(entranceFaults([...rest, nameless])).toEqual(['src/pipeline.ts does not export handleCall']);
	});

	it('count the lines of functions, methods and closures', () => {
		const body = `{\n${lines(59)}\n}`;
		const fault = 'has 61 lines, more than 60';
		expect(functionSizeFaults(plant(`function long() ${body}`))).toEqual([`src/lib/a.ts:1 long ${fault}`]);
		expect(functionSizeFaults(plant(`const x = () => ${body};`))).toEqual([`src/lib/a.ts:1 a function ${fault}`]);
		expect(functionSizeFaults(plant(`class X { long() ${body} }`))).toHaveLength(1);
		expect(functionSizeFaults(plant(`function fits() {\n${lines(58)}\n}`))).toEqual([]);
	});

	it('count branches within branches', () => {
		const nest = (depth: number): string => (depth === 0 ? 'x();' : `if (a) { ${nest(depth - 1)} }`);
		expect(nestingFaults(plant(`function f() { ${nest(3)} }`))).toEqual([]);
		expect(nestingFaults(plant(`function f() { ${nest(4)} }`))).toEqual(['src/lib/a.ts:1 f nests 4 deep, more than 3']);
		expect(nestingFaults(plant('function f() { if (a) {} else if (b) {} else if (c) {} else if (d) {} }'))).toEqual([]);
		expect(
			nestingFaults(plant('function f() { for (;;) while (a) switch (b) { case 1: try { x(); } finally {} } }')),
		).toHaveLength(1);
	});

	it('count parameters', () => {
		expect(parameterFaults(plant('function f(a, b, c, d) {}'))).toEqual([]);
		expect(parameterFaults(plant('function f(a, b, c, d, e) {}'))).toEqual([
			'src/lib/a.ts:1 f takes 5 parameters, more than 4',
		]);
	});

	it('find any where it is a type, and only there', () => {
		expect(anyFaults(plant('const x = y as any;'))).toHaveLength(1);
		expect(anyFaults(plant("const any = 'any'; // any"))).toEqual([]);
	});

	it('want a sentence for nine exports of ten', () => {
		const documented = Array.from({ length: 9 }, (_, at) => `/** Says something. */\nexport const x${at} = 1;\n`).join(
			'',
		);
		expect(documentationFaults(plant(`${documented}export const y = 1;`))).toEqual([]);
		expect(documentationFaults(plant(`${documented}export const y = 1;\nexport type Z = 1;`))).toEqual([
			'src/lib/a.ts:19 is exported without a word',
			'src/lib/a.ts:20 is exported without a word',
		]);
	});

	it('refuse names that hold anything', () => {
		const empty = [
			'src/utils/a.ts',
			'src/lib/string-helpers.ts',
			'src/common.ts',
			'src/session-manager.ts',
			'test/service.test.ts',
		];
		expect(nameFaults(empty)).toHaveLength(empty.length);
		expect(nameFaults(['src/lib/commonplace.ts', 'src/openapi/serve.ts'])).toEqual([]);
	});
});
