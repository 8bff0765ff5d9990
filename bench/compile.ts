import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

const OUT = path.resolve(import.meta.dirname, '../node_modules/.cache/portcullis-bench');
const CHILDREN = /^(bare-.*|http-upstream|load-.*)\.ts$/;

/**
 * Compiles what runs in processes of its own, with the compiler of the product, and returns the path of each by name.
 * tsx would wrap every closure of the hot path and so make the yardstick slower than what it measures.
 */
export function compileChildren(): (name: string) => string {
	mkdirSync(OUT, { recursive: true });
	writeFileSync(path.join(OUT, 'package.json'), '{"type":"module"}');
	for (const file of readdirSync(import.meta.dirname).filter((each) => CHILDREN.test(each))) {
		const source = readFileSync(path.join(import.meta.dirname, file), 'utf8');
		const { outputText } = ts.transpileModule(source, {
			compilerOptions: {
				target: ts.ScriptTarget.ES2022,
				module: ts.ModuleKind.ES2022,
				verbatimModuleSyntax: true,
				rewriteRelativeImportExtensions: true,
			},
		});
		writeFileSync(path.join(OUT, file.replace(/\.ts$/, '.js')), outputText);
	}
	return (name) => path.join(OUT, `${name}.js`);
}
