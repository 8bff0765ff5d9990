import type { EdgeMechanism } from '../../config/listeners.ts';

/** The signed assertion of an edge. */
export const ASSERTION_HEADER = 'x-edge-assertion';

/** The access token of an edge itself. */
export const EDGE_TOKEN_HEADER = 'x-edge-authorization';

/** Headers that say who a caller is, beside the proof of an edge that may say it. */
export const PERSON_HEADERS = {
	oid: 'x-user-id',
	tid: 'x-tenant-id',
	name: 'x-user-name',
	email: 'x-user-email',
	groups: 'x-user-groups',
	roles: 'x-user-roles',
} as const;

/** Every header that a mechanism reads, lower case. All others of their kind are dropped on arrival. */
export function headersReadBy(edge: EdgeMechanism): ReadonlySet<string> {
	const proof = proofHeaderOf(edge);
	if (edge.mechanism === 'assertion') return new Set([ASSERTION_HEADER]);
	return new Set([...(proof === undefined ? [] : [proof]), ...Object.values(PERSON_HEADERS)]);
}

/** The header that holds the proof; `undefined` where the connection is the proof. */
export function proofHeaderOf(edge: EdgeMechanism): string | undefined {
	if (edge.mechanism === 'assertion') return ASSERTION_HEADER;
	if (edge.mechanism === 'managed-identity') return EDGE_TOKEN_HEADER;
	return edge.mechanism === 'shared-secret' ? edge.header : undefined;
}
