import ts from 'typescript';
import { importsOf, place, type SourceFile, walk } from '../source-files.ts';
import { perFile, perNode, type Rule } from './rule.ts';

const CONTAINERS = new Set(['Map', 'Set', 'WeakMap', 'WeakSet', 'LRUCache']);

/** Nodes evaluated when the module is loaded: not the bodies of functions, not the fields of instances. */
function* atLoad(file: SourceFile): Generator<ts.Node> {
	yield* walk(file.tree, (node) => !ts.isFunctionLike(node) && !(ts.isPropertyDeclaration(node) && !isStatic(node)));
}

const isStatic = (node: ts.PropertyDeclaration): boolean =>
	ts.getModifiers(node)?.some((each) => each.kind === ts.SyntaxKind.StaticKeyword) === true;

function judgeState(node: ts.Node, file: SourceFile): string | undefined {
	if (ts.isVariableDeclarationList(node) && node.parent.parent === file.tree && !(node.flags & ts.NodeFlags.Const)) {
		return 'declares a module-level variable; pass state in, or keep it in a closure';
	}
	if (!ts.isNewExpression(node)) return undefined;
	const name = node.expression.getText(file.tree);
	const empty = node.arguments === undefined || node.arguments.length === 0 || name === 'LRUCache';
	return CONTAINERS.has(name) && empty ? `keeps a module-level ${name}; whoever owns it creates it` : undefined;
}

/** No module-level `let` or `var`, and no module-level container that begins empty. */
export const stateFaults: Rule = perNode(judgeState, atLoad);

/** Importing a module does nothing: no statement that only acts, no import for its effect; `main.ts` is the exception. */
export const effectFaults: Rule = perFile((file) => {
	if (file.path === 'src/main.ts') return [];
	const acts = file.tree.statements.filter((node) => ts.isExpressionStatement(node));
	const imports = importsOf(file).filter((edge) => edge.bare);
	return [...acts, ...imports.map((edge) => edge.node)].map((node) => `${place(file, node)} acts when it is imported`);
});
