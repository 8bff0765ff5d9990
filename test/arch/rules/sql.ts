import ts from 'typescript';
import { isTest, place, type SourceFile, walk } from '../source-files.ts';
import { perFile, perNode, type Rule } from './rule.ts';

const QUERIES = /^src\/store\/queries\//;
/** Beside the queries: what wraps them in a transaction, what makes the schema, and what listens. */
const SPEAKERS = /^src\/store\/(transaction|migrate|follow-changes)\.ts$/;

/** Every file that crosses workspaces. To add one is to say why, in the reason it gives, and to be asked about it. */
export const PLATFORM_USERS: readonly string[] = [
	'src/admin/directories.ts',
	'src/admin/platform-audit.ts',
	'src/admin/platform-grants.ts',
	'src/admin/platform-settings.ts',
	'src/admin/workspaces.ts',
	'src/credentials/keys/check-keys.ts',
	'src/store/append-records.ts',
	'src/store/apply-changes.ts',
	'src/store/as-platform.ts',
	'src/store/prepare-audit.ts',
	'src/store/read-declared.ts',
	'src/store/snapshots.ts',
	'src/store/store.ts',
];

/** The first argument of a call of something named `query`. */
function statementOf(node: ts.Node): ts.Expression | undefined {
	if (!ts.isCallExpression(node)) return undefined;
	const { expression: callee } = node;
	const named =
		(ts.isIdentifier(callee) && callee.text === 'query') ||
		(ts.isPropertyAccessExpression(callee) && callee.name.text === 'query') ||
		(ts.isElementAccessExpression(callee) &&
			ts.isStringLiteralLike(callee.argumentExpression) &&
			callee.argumentExpression.text === 'query');
	return named ? node.arguments[0] : undefined;
}

/** Statements are run by `store/queries/` alone, and by the few files that are the store's own machinery. */
export const statementFaults: Rule = perNode((node, file) =>
	statementOf(node) !== undefined && !QUERIES.test(file.path) && !SPEAKERS.test(file.path)
		? 'runs a statement; only store/queries/ does'
		: undefined,
);

/**
 * The text of a statement is written down, not put together: values go in as bind parameters. The one way to share a
 * fragment is a module-level constant of the same file that is itself such a text.
 */
export const statementTextFaults: Rule = perFile((file) => {
	if (!QUERIES.test(file.path)) return [];
	const constants = textConstants(file);
	return [...walk(file.tree)].flatMap((node) => {
		const text = statementOf(node);
		if (text === undefined || isWritten(text, constants)) return [];
		return [`${place(file, text)} puts a statement together; bind values, share fragments as constants`];
	});
});

function textConstants(file: SourceFile): ReadonlySet<string> {
	const constants = new Set<string>();
	for (const statement of file.tree.statements) {
		if (!ts.isVariableStatement(statement) || !(statement.declarationList.flags & ts.NodeFlags.Const)) continue;
		for (const { name, initializer } of statement.declarationList.declarations) {
			if (ts.isIdentifier(name) && initializer && isWritten(initializer, constants)) constants.add(name.text);
		}
	}
	return constants;
}

function isWritten(node: ts.Expression, constants: ReadonlySet<string>): boolean {
	if (ts.isStringLiteralLike(node)) return true;
	if (ts.isIdentifier(node)) return constants.has(node.text) && !isShadowed(node);
	return (
		ts.isTemplateExpression(node) && node.templateSpans.every(({ expression }) => isWritten(expression, constants))
	);
}

/** Whether a function around the name has a parameter or variable that is called the same. */
function isShadowed(name: ts.Identifier): boolean {
	for (let node: ts.Node = name.parent; !ts.isSourceFile(node); node = node.parent) {
		if (!ts.isFunctionLike(node)) continue;
		const declares = [...walk(node)].some(
			(each) =>
				(ts.isParameter(each) || ts.isVariableDeclaration(each) || ts.isBindingElement(each)) &&
				ts.isIdentifier(each.name) &&
				each.name.text === name.text,
		);
		if (declares) return true;
	}
	return false;
}

/** Only the files listed above cross workspaces, and each listed file does. */
export const platformFaults: Rule = (files) => {
	const crossing = files.filter((file) => !isTest(file)).flatMap((file) => crossings(file).slice(0, 1));
	const paths = crossing.map((each) => each.split(':')[0]);
	return [
		...crossing
			.filter((each) => !PLATFORM_USERS.includes(each.split(':')[0] ?? ''))
			.map((at) => `${at} crosses workspaces`),
		...PLATFORM_USERS.filter((path) => files.some((file) => file.path === path) && !paths.includes(path)).map(
			(path) => `${path} is listed but does not cross workspaces`,
		),
	];
};

function crossings(file: SourceFile): readonly string[] {
	return [...walk(file.tree)]
		.filter(
			(node) =>
				(ts.isIdentifier(node) || ts.isStringLiteralLike(node)) && /^(asPlatform|createAsPlatform)$/.test(node.text),
		)
		.map((node) => place(file, node));
}
