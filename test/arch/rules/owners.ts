import ts from 'typescript';
import { importsOf, place, walk } from '../source-files.ts';
import { perFile, perNode, type Rule } from './rule.ts';

interface Owner {
	readonly modules: RegExp;
	readonly paths: RegExp;
	readonly sentence: string;
}

const OWNERS: readonly Owner[] = [
	{
		modules: /^(node:)?child_process$/,
		paths: /^src\/(upstream\/stdio|store\/embedded\/|runtime\/run-to-end|cli\/demo)/,
		sentence: 'only upstream/stdio*, store/embedded and runtime/run-to-end start programs',
	},
	{
		modules: /^((node:)?https?|(node:)?http2|fastify|@fastify\/.*)$/,
		paths: /^src\/(edge\/|admin\/|cli\/demo[^/]*\.ts$)/,
		sentence: 'only edge and admin know HTTP',
	},
	{ modules: /^ioredis$/, paths: /^src\/limits\/redis/, sentence: 'only limits/redis* speaks to Redis' },
	{ modules: /^(pg|pg-.*|postgres)$/, paths: /^src\/store\//, sentence: 'only store knows SQL' },
];

/** Modules that start programs, serve HTTP or speak SQL are imported only by the folder that owns them. */
export const ownerFaults: Rule = perFile((file) =>
	importsOf(file).flatMap((edge) =>
		OWNERS.filter((owner) => owner.modules.test(edge.specifier ?? '') && !owner.paths.test(file.path)).map(
			(owner) => `${place(file, edge.node)} imports ${edge.specifier}; ${owner.sentence}`,
		),
	),
);

/** Programs are started from an argument list: no `exec`, no `shell`, and no import that hides which function is used. */
export const shellFaults: Rule = perFile((file) => {
	const imports = importsOf(file).filter(
		(edge) => /^(node:)?child_process$/.test(edge.specifier ?? '') && !edge.typesOnly,
	);
	if (imports.length === 0) return [];
	const hidden = imports.filter((edge) => edge.names?.some((name) => /^exec(Sync)?$/.test(name)) ?? true);
	const shells = [...walk(file.tree)].filter(
		(node) =>
			(ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node)) &&
			node.name.getText(file.tree) === 'shell' &&
			!(ts.isPropertyAssignment(node) && node.initializer.kind === ts.SyntaxKind.FalseKeyword),
	);
	return [
		...hidden.map(
			(edge) => `${place(file, edge.node)} imports more of child_process than named functions without a shell`,
		),
		...shells.map((node) => `${place(file, node)} sets shell; pass an argument list`),
	];
});

const isProcess = (node: ts.Node | undefined): boolean =>
	node !== undefined &&
	((ts.isIdentifier(node) && node.text === 'process') ||
		(ts.isPropertyAccessExpression(node) && node.name.text === 'process'));

/** The member a node takes from something: `x.member`, `x['member']`, `{ member } = x`, or `import { member }`. */
function memberOf(node: ts.Node): { readonly owner: ts.Node | undefined; readonly member: string } | undefined {
	if (ts.isPropertyAccessExpression(node)) return { owner: node.expression, member: node.name.text };
	if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)) {
		return { owner: node.expression, member: node.argumentExpression.text };
	}
	if (ts.isBindingElement(node) && ts.isObjectBindingPattern(node.parent)) {
		const holder = node.parent.parent;
		const owner = ts.isVariableDeclaration(holder) ? holder.initializer : undefined;
		return { owner, member: (node.propertyName ?? node.name).getText() };
	}
	return undefined;
}

/** Only `config/` and `main.ts` read the environment. */
export const environmentFaults: Rule = perFile((file) => {
	if (/^src\/(config\/|main\.ts$)/.test(file.path)) return [];
	const mentions = [...walk(file.tree)].filter((node) => {
		const taken = memberOf(node);
		return taken?.member === 'env' && isProcess(taken.owner);
	});
	const imports = importsOf(file).filter(
		(edge) => /^(node:)?process$/.test(edge.specifier ?? '') && edge.names?.includes('env'),
	);
	return [...mentions, ...imports.map((edge) => edge.node)].map(
		(node) => `${place(file, node)} reads process.env; only config/ and main.ts do`,
	);
});

/** Only `credentials/` turns a secret into text, and the one file that checks what Open WebUI signed with its own. */
export const revealFaults: Rule = perNode((node, file) =>
	memberOf(node)?.member === 'reveal' && !/^src\/(credentials\/|identity\/open-webui-token\.ts$)/.test(file.path)
		? 'reveals a secret; only credentials/ may'
		: undefined,
);
