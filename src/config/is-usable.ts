import type { Server } from './snapshot.ts';

/** Whether anybody may use the server at all; one that is known to be faulty counts as not enabled. */
export function isUsable({ enabled, fault }: Pick<Server, 'enabled' | 'fault'>): boolean {
	return enabled && fault === undefined;
}
