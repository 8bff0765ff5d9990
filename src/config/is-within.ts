import type { Server } from './snapshot.ts';

/** Whether what is granted in a workspace holds for this server of it: for all, unless some are named. */
export function isWithin(
	{ servers }: { readonly servers?: ReadonlySet<string> },
	{ slug }: Pick<Server, 'slug'>,
): boolean {
	return servers === undefined || servers.has(slug);
}
