import { isDeepStrictEqual } from 'node:util';
import type { DeclaredDirectory } from '../config/declared.ts';
import { mapFilePaths } from '../config/secret-template.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Caller } from './caller.ts';

/** A directory before and after somebody changed it. */
export interface DirectoryChange {
	readonly before: DeclaredDirectory | undefined;
	readonly after: DeclaredDirectory;
}

/**
 * Whether a change has a secret of the gateway sent anywhere that the operator did not choose: another reference, another
 * address, or the same address of another Entra tenant.
 */
export function sendsSecretElsewhere({ before, after }: DirectoryChange): boolean {
	if (after.settings['graph'] === undefined) return false;
	return before === undefined || !isDeepStrictEqual(reachOf(before), reachOf(after));
}

function reachOf({ tenantId, settings }: DeclaredDirectory): readonly unknown[] {
	return [tenantId, settings['graph']];
}

/** Over the network nobody sets references to secrets, nor where they go. Throws PC_OPERATOR_ONLY. */
export function requireOperatorForGraph(caller: Caller, change: DirectoryChange): void {
	if (caller.kind !== 'operator' && sendsSecretElsewhere(change)) throw new PortcullisError('PC_OPERATOR_ONLY');
}

/** The directory with its secret file named from the root by `pathFrom`. */
export function withFileNamed(directory: DeclaredDirectory, pathFrom: (path: string) => string): DeclaredDirectory {
	const graph = directory.settings['graph'] as { readonly clientSecret: string } | undefined;
	if (graph === undefined) return directory;
	const clientSecret = mapFilePaths(graph.clientSecret, pathFrom);
	return { ...directory, settings: { ...directory.settings, graph: { ...graph, clientSecret } } };
}
