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
	return CLIENTS.some((name) => {
		if (after.settings[name] === undefined) return false;
		return before === undefined || !isDeepStrictEqual(reachOf(before, name), reachOf(after, name));
	});
}

/** What of a directory holds a secret. */
const CLIENTS = ['graph', 'signIn'] as const;

function reachOf({ tenantId, settings }: DeclaredDirectory, client: (typeof CLIENTS)[number]): readonly unknown[] {
	return [tenantId, settings[client]];
}

/** Over the network nobody sets references to secrets, nor where they go. Throws PC_OPERATOR_ONLY. */
export function requireOperatorForSecrets(caller: Caller, change: DirectoryChange): void {
	if (caller.kind !== 'operator' && sendsSecretElsewhere(change)) throw new PortcullisError('PC_OPERATOR_ONLY');
}

/** The directory with its secret files named from the root by `pathFrom`. */
export function withFileNamed(directory: DeclaredDirectory, pathFrom: (path: string) => string): DeclaredDirectory {
	const named = CLIENTS.flatMap((name) => {
		const client = directory.settings[name] as { readonly clientSecret: string } | undefined;
		if (client === undefined) return [];
		return [[name, { ...client, clientSecret: mapFilePaths(client.clientSecret, pathFrom) }] as const];
	});
	return { ...directory, settings: { ...directory.settings, ...Object.fromEntries(named) } };
}
