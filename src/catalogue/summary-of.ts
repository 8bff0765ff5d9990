import type { Endpoint } from './endpoint-schema.ts';
import type { CatalogueEntry } from './entry-schema.ts';
import type { SignIn } from './field-schema.ts';

/** A service in one row of a list. */
export interface EntrySummary {
	readonly id: string;
	readonly name: string;
	readonly category: string;
	readonly vendor: string;
	readonly official: boolean;
	readonly description: string;
	readonly transports: Endpoint['transport'][];
	/** Kinds of sign-in of the ways that are not deprecated, the recommended one first. */
	readonly auth: SignIn['kind'][];
	/** Only clients that the vendor approved are let in at the recommended way. */
	readonly ownClient: boolean;
}

/** The row of a service; what is deprecated does not count where there is something else. */
export function summaryOf(entry: CatalogueEntry): EntrySummary {
	const { id, name, category, vendor, official, description, endpoints } = entry;
	const live = endpoints.filter(({ deprecated }) => deprecated === undefined);
	const shown = live.length > 0 ? live : endpoints;
	return {
		...{ id, name, category, vendor, official, description },
		transports: [...new Set(shown.map(({ transport }) => transport))],
		auth: [...new Set(shown.flatMap(({ signIn }) => signIn.map(({ kind }) => kind)))],
		ownClient: shown[0]?.ownClient !== undefined,
	};
}
