import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

/** One parsed source file; `path` is relative to the project's root, with forward slashes. */
export interface SourceFile {
	readonly path: string;
	readonly text: string;
	readonly tree: ts.SourceFile;
}

/** One `import`, `export … from`, `import()` or `import('…')` type. */
export interface Import {
	/** As written; `undefined` when an `import()` computes it. */
	readonly specifier: string | undefined;
	/** Project path a relative specifier leads to. */
	readonly target: string | undefined;
	/** Names of named bindings; `undefined` where the whole module is taken (default, namespace, `export *`, `import()`). */
	readonly names: readonly string[] | undefined;
	readonly typesOnly: boolean;
	/** Nothing is bound: the module is imported for what it does. */
	readonly bare: boolean;
	readonly node: ts.Node;
}

/** A path and its content, for rules about any tracked file. */
export interface TextFile {
	readonly path: string;
	readonly text: string;
}

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Parses one source text; planted examples go through here too. */
export function parseSource(path: string, text: string): SourceFile {
	return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) };
}

/** Paths git tracks or would track (ignored files left out), relative to the root and sorted. */
export function listTrackedPaths(): readonly string[] {
	const arguments_ = ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'];
	const listing = execFileSync('git', arguments_, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
	const paths = new Set(listing.split('\0').filter((each) => each !== '' && existsSync(path.join(ROOT, each))));
	return [...paths].filter((each) => statSync(path.join(ROOT, each)).isFile()).sort();
}

/** Content of one file of the project. */
export function readProjectFile(file: string): string {
	return readFileSync(path.join(ROOT, file), 'utf8');
}

/** Every TypeScript file of `src`, tests included, parsed once for all architecture tests. */
export const SOURCES: readonly SourceFile[] = listTrackedPaths()
	.filter((file) => file.startsWith('src/') && /\.[mc]?tsx?$/.test(file))
	.map((file) => parseSource(file, readProjectFile(file)));

/** Whether the file is a test, which the import and size rules leave alone. */
export function isTest(file: { readonly path: string }): boolean {
	return /\.test\.[mc]?tsx?$/.test(file.path);
}

/** The node and everything below it, parents first; `enter` says whether to look inside a node. */
export function* walk(node: ts.Node, enter: (node: ts.Node) => boolean = () => true): Generator<ts.Node> {
	yield node;
	if (!enter(node)) return;
	const children: ts.Node[] = [];
	ts.forEachChild(node, (child) => void children.push(child));
	for (const child of children) yield* walk(child, enter);
}

/** `src/edge/listen.ts:12`, for messages. */
export function place(file: SourceFile, node: ts.Node): string {
	return `${file.path}:${lineOf(file, node.getStart(file.tree, false)) + 1}`;
}

/** Zero-based line of a position. */
export function lineOf(file: SourceFile, position: number): number {
	return file.tree.getLineAndCharacterOfPosition(position).line;
}

/** Lines of a text; one closing newline does not count. */
export function countLines(text: string): number {
	return text.replace(/\n$/, '').split('\n').length;
}

/** Whether the statement is exported. */
export function isExported(node: ts.Node): boolean {
	return (
		ts.canHaveModifiers(node) && !!ts.getModifiers(node)?.some((each) => each.kind === ts.SyntaxKind.ExportKeyword)
	);
}

/** Every import of the file, in source order. */
export function importsOf(file: SourceFile): readonly Import[] {
	return [...walk(file.tree)].flatMap((node) => {
		const found = readImport(node);
		if (found === undefined) return [];
		const relative = found.specifier?.startsWith('.') === true;
		const target = relative ? path.posix.join(path.posix.dirname(file.path), found.specifier) : undefined;
		return [{ ...found, target, node }];
	});
}

type Bindings = Pick<Import, 'names' | 'typesOnly' | 'bare'>;

function readImport(node: ts.Node): (Bindings & { readonly specifier: string | undefined }) | undefined {
	if (ts.isImportDeclaration(node))
		return { specifier: textOf(node.moduleSpecifier), ...importBindings(node.importClause) };
	if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
		return { specifier: textOf(node.moduleSpecifier), ...exportBindings(node) };
	}
	if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
		return { specifier: textOf(node.arguments[0]), names: undefined, typesOnly: false, bare: false };
	}
	if (ts.isImportTypeNode(node)) {
		const literal = ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
		return { specifier: textOf(literal), names: undefined, typesOnly: true, bare: false };
	}
	return undefined;
}

function importBindings(clause: ts.ImportClause | undefined): Bindings {
	if (clause === undefined) return { names: [], typesOnly: false, bare: true };
	const typesOnly = clause.phaseModifier === ts.SyntaxKind.TypeKeyword;
	if (clause.name || !clause.namedBindings || !ts.isNamedImports(clause.namedBindings)) {
		return { names: undefined, typesOnly, bare: false };
	}
	return namedBindings(clause.namedBindings.elements, typesOnly);
}

function exportBindings(node: ts.ExportDeclaration): Bindings {
	if (node.exportClause && ts.isNamedExports(node.exportClause)) {
		return namedBindings(node.exportClause.elements, node.isTypeOnly);
	}
	return { names: undefined, typesOnly: node.isTypeOnly, bare: false };
}

function namedBindings(elements: readonly (ts.ImportSpecifier | ts.ExportSpecifier)[], typesOnly: boolean): Bindings {
	return {
		names: elements.map((each) => (each.propertyName ?? each.name).text),
		typesOnly: typesOnly || (elements.length > 0 && elements.every((each) => each.isTypeOnly)),
		bare: false,
	};
}

function textOf(node: ts.Node | undefined): string | undefined {
	return node && ts.isStringLiteralLike(node) ? node.text : undefined;
}
