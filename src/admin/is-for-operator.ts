import { isDeepStrictEqual } from 'node:util';
import type { DeclaredServer, JsonObject } from '../config/declared.ts';
import { namesOwnSecretsAlone } from '../config/secret-template.ts';

/** What of a server says where it is, with what, and what it may ask. */
export type Reached = Pick<DeclaredServer, 'transport' | 'endpoint' | 'clientFeatures'>;

/**
 * Whether only the operator may make this of a server. Over the network nobody chooses a program or reads the gateway's
 * environment and files (`${secret:NAME}` names what is the server's own): neither by writing a reference, nor by sending one that is there already to another address. What
 * is there already may stay, exactly as it is.
 */
export function isForOperator(after: Reached, before: Reached | undefined): boolean {
	if (before !== undefined && isDeepStrictEqual(reachOf(before), reachOf(after))) return false;
	return after.transport === 'stdio' || textsIn(after.endpoint).some((text) => !namesOwnSecretsAlone(text));
}

// What a program may ask of its callers is the operator's too: roots that a caller names open folders of the gateway's machine.
function reachOf({ transport, endpoint, clientFeatures }: Reached): readonly unknown[] {
	return [transport, endpoint, ...(transport === 'stdio' ? [clientFeatures] : [])];
}

function textsIn(value: JsonObject[string]): readonly string[] {
	if (typeof value === 'string') return [value];
	if (typeof value !== 'object' || value === null) return [];
	return Object.entries(value).flatMap(([name, held]) => [name, ...textsIn(held)]);
}
