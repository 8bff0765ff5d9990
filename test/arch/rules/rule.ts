import type ts from 'typescript';
import { isTest, place, type SourceFile, walk } from '../source-files.ts';

/** A rule looks at files and returns its faults, each beginning with where it was found; none means the rule is kept. */
export type Rule = (files: readonly SourceFile[]) => readonly string[];

/** A rule about one file at a time; tests are left alone. */
export function perFile(judge: (file: SourceFile) => readonly string[]): Rule {
	return (files) => files.filter((file) => !isTest(file)).flatMap(judge);
}

/** A rule about one node at a time, tests left alone: the judge says what is wrong, or nothing. */
export function perNode(judge: (node: ts.Node, file: SourceFile) => string | undefined, nodesOf = nodesIn): Rule {
	return perFile((file) =>
		[...nodesOf(file)].flatMap((node) => {
			const fault = judge(node, file);
			return fault === undefined ? [] : [`${place(file, node)} ${fault}`];
		}),
	);
}

function nodesIn(file: SourceFile): Iterable<ts.Node> {
	return walk(file.tree);
}
