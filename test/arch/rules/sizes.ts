import ts from 'typescript';
import { countLines, isExported, isTest, lineOf, type SourceFile } from '../source-files.ts';
import { perFile, perNode, type Rule } from './rule.ts';

const FILE_LINES = 400;
const FUNCTION_LINES = 60;
const NESTING = 3;
const PARAMETERS = 4;
const DOCUMENTED = 0.9;

/** The three files a newcomer opens first stay on one screen each, or nearly. */
const SMALL_FILES: ReadonlyMap<string, number> = new Map([
	['src/pipeline.ts', 60],
	['src/main.ts', 60],
	['src/app.ts', 150],
]);

/** Files stay within their lines. */
export const fileSizeFaults: Rule = perFile((file) => {
	const limit = SMALL_FILES.get(file.path) ?? FILE_LINES;
	const lines = countLines(file.text);
	return lines > limit ? [`${file.path} has ${lines} lines, more than ${limit}`] : [];
});

/** `src/pipeline.ts`, `src/app.ts` and `src/main.ts` exist, and the pipeline is `handleCall`. */
export const entranceFaults: Rule = (files) => {
	const missing = [...SMALL_FILES.keys()].filter((path) => !files.some((file) => file.path === path));
	const pipeline = files.find((file) => file.path === 'src/pipeline.ts');
	const nameless = pipeline !== undefined && !exportedNames(pipeline).includes('handleCall');
	return [
		...missing.map((path) => `${path} is missing`),
		...(nameless ? ['src/pipeline.ts does not export handleCall'] : []),
	];
};

function exportedNames(file: SourceFile): readonly string[] {
	return file.tree.statements.filter(isExported).flatMap((statement) => {
		if (ts.isVariableStatement(statement))
			return statement.declarationList.declarations.map((each) => each.name.getText());
		return ts.isFunctionDeclaration(statement) && statement.name ? [statement.name.text] : [];
	});
}

type BlockFunction = ts.SignatureDeclaration & { readonly body: ts.Block };

function isBlockFunction(node: ts.Node): node is BlockFunction {
	if (!ts.isFunctionLike(node) || !('body' in node)) return false;
	const body = node.body as ts.Node | undefined;
	return body !== undefined && ts.isBlock(body);
}

const perFunction = (judge: (node: BlockFunction, file: SourceFile) => string | undefined): Rule =>
	perNode((node, file) => {
		if (!isBlockFunction(node)) return undefined;
		const fault = judge(node, file);
		return fault === undefined ? undefined : `${node.name?.getText() ?? 'a function'} ${fault}`;
	});

/** Functions stay within their lines. */
export const functionSizeFaults: Rule = perFunction((node, file) => {
	const lines = lineOf(file, node.end) - lineOf(file, node.getStart(file.tree, false)) + 1;
	return lines > FUNCTION_LINES ? `has ${lines} lines, more than ${FUNCTION_LINES}` : undefined;
});

/** Functions take few parameters; beyond that, an object. */
export const parameterFaults: Rule = perFunction((node) => {
	const count = node.parameters.length;
	return count > PARAMETERS ? `takes ${count} parameters, more than ${PARAMETERS}` : undefined;
});

const isBranch = (node: ts.Node): boolean =>
	ts.isIfStatement(node) ||
	ts.isIterationStatement(node, false) ||
	ts.isSwitchStatement(node) ||
	ts.isTryStatement(node);

/** Branches inside branches; `else if` continues its `if`, and a function within counts for itself. */
function nestingOf(node: ts.Node, depth = 0): number {
	let deepest = depth;
	ts.forEachChild(node, (child) => {
		if (ts.isFunctionLike(child)) return;
		const elseIf = ts.isIfStatement(node) && node.elseStatement === child;
		deepest = Math.max(deepest, nestingOf(child, isBranch(child) && !elseIf ? depth + 1 : depth));
	});
	return deepest;
}

/** Branches are nested at most three deep. */
export const nestingFaults: Rule = perFunction((node) => {
	const depth = nestingOf(node.body);
	return depth > NESTING ? `nests ${depth} deep, more than ${NESTING}` : undefined;
});

/** No `any`. */
export const anyFaults: Rule = perNode((node) =>
	node.kind === ts.SyntaxKind.AnyKeyword ? 'says any; say unknown and look' : undefined,
);

/** At least nine of ten exported symbols have a sentence that adds to their name. */
export const documentationFaults: Rule = (files) => {
	const exported = files
		.filter((file) => !isTest(file))
		.flatMap((file) => file.tree.statements.filter(isExported).map((node) => ({ file, node })));
	const bare = exported.filter(({ node }) => ts.getJSDocCommentsAndTags(node).length === 0);
	if (exported.length - bare.length >= exported.length * DOCUMENTED) return [];
	return bare.map(
		({ file, node }) => `${file.path}:${lineOf(file, node.getStart(file.tree, false)) + 1} is exported without a word`,
	);
};

const EMPTY_NAME = /(^|[-._])(utils?|helpers?|common|managers?|services?)(?=[-._]|$)/i;

/** Files and folders are named for what they hold; these words hold anything. */
export function nameFaults(paths: readonly string[]): readonly string[] {
	return paths
		.filter((path) => path.split('/').some((part) => EMPTY_NAME.test(part)))
		.map((path) => `${path} has a name that says nothing`);
}
