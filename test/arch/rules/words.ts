import ts from 'typescript';
import { place, type SourceFile, type TextFile, walk } from '../source-files.ts';
import type { Rule } from './rule.ts';

/** Where a directory of Microsoft is meant, the header edges name it with, and the product's one-line description. */
const ENTRA_WORDS = /entra[ -]tenants?|tenant_?ids?|x[-_]tenant[-_]id|multi-tenant/gi;
const DIRECTORY_CODE = /^src\/(config|identity)\/|^src\/cli\/demo-directory/;
/** A text that speaks of the claims of a token means the directory it came from. */
const CLAIM = /\b(tid|iss)\b/;
const CONSTANT = /^[A-Z0-9_]*TENANTS?[A-Z0-9_]*$/;

/**
 * The unit of isolation is a workspace; a tenant is a directory of Microsoft (`tid`) and is called that only about Entra.
 * Tests are judged too; `catalogue/` is not, since it quotes other people's addresses.
 */
export const wordFaults: Rule = (files) =>
	files
		.filter((file) => !file.path.startsWith('src/catalogue/'))
		.flatMap((file) => [
			...(/tenant/i.test(file.path) ? [`${file.path} is named after a tenant`] : []),
			...[...walk(file.tree)]
				.filter((node) => saysTenant(node, file))
				.map((node) => `${place(file, node)} says tenant; say workspace`),
		]);

function saysTenant(node: ts.Node, file: SourceFile): boolean {
	const isName = ts.isIdentifier(node) || ts.isPrivateIdentifier(node);
	const isText = ts.isStringLiteralLike(node) || ts.isTemplateLiteralToken(node) || ts.isRegularExpressionLiteral(node);
	if (!isName && !isText) return false;
	if (DIRECTORY_CODE.test(file.path) && (isName ? CONSTANT : CLAIM).test(node.text)) return false;
	return /tenant/i.test(node.text.replace(ENTRA_WORDS, ''));
}

interface Trace {
	readonly pattern: RegExp;
	readonly fault: string;
}

const TRACES: readonly Trace[] = [
	{ pattern: /(?<![a-zA-Z0-9_])\/(work|farm)\//, fault: 'holds a path of one machine' },
	{ pattern: /(?<![\w./:-])\/(home|Users)\/(?!node\/|you\/)[a-z][\w-]*\//, fault: "holds a path of somebody's home" },
	{ pattern: /registry\.[a-z]+js\.|npmjs\.(com|org)|registry\.yarnpkg/, fault: 'names a package registry' },
];

/** Tracked files name no machine and no package registry. */
export function traceFaults(files: readonly TextFile[]): readonly string[] {
	return files
		.filter((file) => !file.text.includes('\0'))
		.flatMap((file) =>
			TRACES.filter((trace) => trace.pattern.test(file.text)).map(
				(trace) => `${file.path}:${lineOfMatch(file.text, trace.pattern)} ${trace.fault}`,
			),
		);
}

/** The lockfile says what is installed and its digest, not the address it once came from. */
export function lockfileFaults(text: string): readonly string[] {
	return /"resolved":\s*"https?:/.test(text) ? ['package-lock.json holds addresses of packages'] : [];
}

function lineOfMatch(text: string, pattern: RegExp): number {
	return text.slice(0, text.search(pattern)).split('\n').length;
}
