import type { Endpoint } from './endpoint-schema.ts';
import type { CatalogueEntry } from './entry-schema.ts';

/** An endpoint, or why there is none, with the keys of those that there are. */
export type Pick =
	| { readonly endpoint: Endpoint }
	| { readonly reason: 'no-such-endpoint' | 'all-deprecated'; readonly keys: readonly string[] };

/**
 * The endpoint to use. Without a choice: the first that is not deprecated, http before stdio before sse, and last those
 * that a gateway can use only badly. A choice is the key of an endpoint, also of a deprecated one, or a transport.
 */
export function pickEndpoint(entry: CatalogueEntry, choice?: string): Pick {
	const named = entry.endpoints.find(({ key, transport }) => key === choice && choice !== transport);
	if (named !== undefined) return { endpoint: named };
	const wanted = entry.endpoints.filter((endpoint) => choice === undefined || endpoint.transport === choice);
	const [best] = bestFirst(wanted.filter(({ deprecated }) => deprecated === undefined));
	if (best !== undefined) return { endpoint: best };
	const exact = entry.endpoints.find(({ key }) => key === choice);
	if (exact !== undefined) return { endpoint: exact };
	const keys = entry.endpoints.map(({ key }) => key);
	return { reason: wanted.length > 0 ? 'all-deprecated' : 'no-such-endpoint', keys };
}

/** Endpoints in the order in which to recommend them; deprecated ones come last. */
export function bestFirst(endpoints: readonly Endpoint[]): readonly Endpoint[] {
	return [...endpoints].sort((one, other) => costOf(one) - costOf(other));
}

const TRANSPORT_COST = { http: 0, stdio: 1, sse: 2 } as const;

function costOf(endpoint: Endpoint): number {
	const { transport, deprecated, problems = [] } = endpoint;
	const blocked = problems.some(({ kind }) => BLOCKING.includes(kind)) ? 10 : 0;
	return TRANSPORT_COST[transport] + blocked + (deprecated === undefined ? 0 : 100);
}

/** Problems that leave nothing to use, or that a gateway should not have. */
const BLOCKING: readonly string[] = [
	'not-installable',
	'does-not-start',
	'secret-in-address',
	'unsupported-sign-in',
	'local-only',
];
