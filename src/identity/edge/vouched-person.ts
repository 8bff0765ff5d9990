import type { Directory } from '../../config/snapshot.ts';
import type { VerifiedClaims } from '../check-claims.ts';
import { displayName } from '../text-claims.ts';
import { refusedPerson } from './edge-refusal.ts';

/** What an edge says of a person, not yet looked at. */
export interface Described {
	readonly oid: unknown;
	/** `undefined`: not said, which will do in headers, where the edge vouches for one directory. */
	readonly tid: unknown;
	/** For display, the best first. */
	readonly names: readonly unknown[];
	/** `undefined`: not said, so the groups are unknown. */
	readonly groups: unknown;
	readonly roles: unknown;
}

/** For whom, and until when. */
export interface Vouching {
	/** The directories that the edge may vouch for. */
	readonly directories: readonly Directory[];
	/** Seconds since 1970. */
	readonly expiresAt: number;
	readonly vouchedBy: string;
}

/** Most groups or roles of one person, and characters of each. Entra knows at most some thousand groups of a person. */
export const MAX_ENTRIES = 4_000;
const MAX_ENTRY_CHARS = 256;

/** Without a scope it would be an application, whose groups do not count. */
const OF_A_PERSON = ['edge'] as const;

/**
 * Claims as a token of the directory would make them. Identity is an object id in a directory that the edge may vouch
 * for; an e-mail address is neither. Throws PC_EDGE_IDENTITY.
 */
export function vouchedPerson({ oid, tid, names, groups, roles }: Described, vouching: Vouching): VerifiedClaims {
	const { directories, expiresAt, vouchedBy } = vouching;
	if (!isObjectId(oid)) throw refusedPerson('the person is not named by an object id');
	const { id, issuer, tenantId } = directoryOf(tid, directories);
	return {
		directory: id,
		issuer,
		tid: tenantId,
		oid,
		name: displayName(names, oid),
		groups: groups === undefined ? 'unknown' : entriesOf(groups, 'groups'),
		roles: roles === undefined ? [] : entriesOf(roles, 'roles'),
		scopes: OF_A_PERSON,
		expiresAt,
		vouchedBy,
	};
}

function isObjectId(oid: unknown): oid is string {
	return typeof oid === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(oid);
}

// It only selects: one that is not listed is nobody's, however good the proof is.
function directoryOf(tid: unknown, directories: readonly Directory[]): Directory {
	const found = directories.find(({ tenantId }) => tenantId === tid);
	if (found === undefined) throw refusedPerson('the directory is none that the edge may vouch for');
	return found;
}

function entriesOf(value: unknown, what: string): readonly string[] {
	if (!Array.isArray(value) || value.length > MAX_ENTRIES)
		throw refusedPerson(`${what} are no list, or a too long one`);
	if (!value.every((entry) => typeof entry === 'string' && entry.length <= MAX_ENTRY_CHARS)) {
		throw refusedPerson(`${what} hold something that is no short text`);
	}
	return value;
}
