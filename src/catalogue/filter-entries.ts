import type { CatalogueEntry } from './entry-schema.ts';

/** What is wanted of services; what is absent does not matter. */
export interface EntryFilter {
	/** Without regard to case. */
	readonly category?: string | undefined;
	readonly transport?: string | undefined;
	/** Kind of sign-in. */
	readonly auth?: string | undefined;
}

/** Services of a category that have a way, not deprecated, with this transport and this sign-in. */
export function filterEntries(entries: readonly CatalogueEntry[], filter: EntryFilter): readonly CatalogueEntry[] {
	return entries.filter((entry) => isWanted(entry, filter));
}

function isWanted({ category, endpoints }: CatalogueEntry, filter: EntryFilter): boolean {
	if (filter.category !== undefined && category.toLowerCase() !== filter.category.toLowerCase()) return false;
	if (filter.transport === undefined && filter.auth === undefined) return true;
	return endpoints
		.filter(({ deprecated }) => deprecated === undefined)
		.some(
			({ transport, signIn }) =>
				(filter.transport === undefined || transport === filter.transport) &&
				(filter.auth === undefined || signIn.some(({ kind }) => kind === filter.auth)),
		);
}
