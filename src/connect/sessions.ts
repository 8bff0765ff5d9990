import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import * as z from 'zod';
import type { Snapshot, SnapshotSource } from '../config/snapshot.ts';
import type { VerifiedClaims } from '../identity/check-claims.ts';
import type { PendingSignIn } from '../identity/sign-in/sign-in.ts';
import { isForSignIn, type SignInDirectory } from '../identity/sign-in/sign-in-directory.ts';
import type { SealerOf } from './sealers.ts';

/** Somebody who is signed in with a browser. */
export interface Session {
	/** Secret: what is begun in this session can be finished in it alone. */
	readonly id: string;
	readonly claims: VerifiedClaims;
	/** Milliseconds since 1970. */
	readonly until: number;
}

/** A sign-in under way, and where to go after it. */
export interface BegunSignIn {
	readonly pending: PendingSignIn;
	readonly to: string;
}

/** How long somebody stays signed in, and how long a sign-in may take, seconds. */
export const SESSION_S = 3_600;
export const SIGN_IN_S = 600;

/** Sessions and sign-ins under way, each kept by the browser that they are of, sealed. */
export interface Sessions {
	/** A session with an id that never was, whatever the browser brought along. */
	begin(claims: VerifiedClaims): Session;
	seal(session: Session): string;
	/** `undefined` for what is not ours, is over, or was ended. */
	open(text: string | undefined): Session | undefined;
	/** Ends it in this process at once; the browser forgets it as well. */
	end(session: Session): void;
	sealSignIn(begun: BegunSignIn): string;
	openSignIn(text: string | undefined): BegunSignIn | undefined;
	/** The token of a form of this session. */
	formToken(session: Session): string;
	isFormToken(session: Session, token: string): boolean;
}

/** What sessions are made with. */
export interface SessionsOptions {
	readonly snapshots: Pick<SnapshotSource, 'current'>;
	readonly sealerOf: SealerOf;
	/** Wall clock, milliseconds since 1970. */
	readonly now: () => number;
}

const MOST_ENDED = 20_000;

const SESSION = z.strictObject({
	id: z.string(),
	until: z.number(),
	...{ oid: z.string(), name: z.string() },
	groups: z.union([z.literal('unknown'), z.array(z.string())]),
	roles: z.array(z.string()),
});

const SIGN_IN = z.strictObject({
	until: z.number(),
	to: z.string(),
	...{ state: z.string(), nonce: z.string(), verifier: z.string(), redirectUri: z.string() },
});

/** Builds them. */
export function createSessions({ snapshots, sealerOf, now }: SessionsOptions): Sessions {
	const ended = new LRUCache<string, true>({ max: MOST_ENDED, ttl: SESSION_S * 1_000 });
	const directoryOf = (id: string): SignInDirectory | undefined =>
		snapshots
			.current()
			.directories.filter(isForSignIn)
			.find((each) => each.id === id);

	const seal = (directoryId: string, thing: 'session' | 'sign-in', value: object): string => {
		const directory = directoryOf(directoryId);
		return directory === undefined ? '' : `${directoryId}.${sealerOf(directory, thing).seal(value)}`;
	};

	/** What was sealed, and for whom; nothing where it is over. */
	function open<T extends { readonly until: number }>(
		text: string | undefined,
		thing: 'session' | 'sign-in',
		schema: z.ZodType<T>,
	): { readonly directory: SignInDirectory; readonly opened: T } | undefined {
		const [id = '', sealed = ''] = text?.split('.', 2) ?? [];
		const directory = directoryOf(id);
		const opened = directory && schema.safeParse(sealerOf(directory, thing).open(sealed)).data;
		return opened === undefined || opened.until <= now()
			? undefined
			: { directory: directory as SignInDirectory, opened };
	}

	const sealerOfForms = ({ claims }: Session) => {
		const directory = directoryOf(claims.directory);
		return directory && sealerOf(directory, 'form');
	};

	return {
		begin(claims) {
			const until = now() + SESSION_S * 1_000;
			const counted = countedClaims(claims, snapshots.current());
			return { id: randomBytes(32).toString('base64url'), claims: { ...counted, expiresAt: until / 1_000 }, until };
		},
		seal({ id, until, claims: { directory, oid, name, groups, roles } }) {
			return seal(directory, 'session', { id, until, oid, name: name.slice(0, 120), groups, roles });
		},
		open(text) {
			const found = open(text, 'session', SESSION);
			return found === undefined || ended.has(found.opened.id) ? undefined : sessionOf(found.directory, found.opened);
		},
		end: ({ id }) => void ended.set(id, true),
		sealSignIn({ pending: { directory, ...pending }, to }) {
			return seal(directory, 'sign-in', { ...pending, to, until: now() + SIGN_IN_S * 1_000 });
		},
		openSignIn(text) {
			const found = open(text, 'sign-in', SIGN_IN);
			if (found === undefined) return undefined;
			const { until: _, to, ...pending } = found.opened;
			return { pending: { directory: found.directory.id, ...pending }, to };
		},
		formToken: (session) => sealerOfForms(session)?.seal(session.id) ?? '',
		isFormToken: (session, token) => sealerOfForms(session)?.open(token) === session.id,
	};
}

function sessionOf(directory: SignInDirectory, { id, until, ...claims }: z.output<typeof SESSION>): Session {
	const { id: directoryId, issuer, tenantId: tid } = directory;
	const person = { directory: directoryId, issuer, tid, scopes: ['person'], vouchedBy: 'sign-in' };
	return { id, until, claims: { ...person, ...claims, expiresAt: until / 1_000 } };
}

/** A cookie holds 4 KiB, with its name, the seal around it, and four characters for three bytes. */
const MOST_BYTES_OF_GROUPS = 2_000;

/**
 * What the browser has to keep: groups and roles that no grant names give nothing. If they are still too many, they are
 * looked up like those of a token that could not hold them.
 */
function countedClaims(claims: VerifiedClaims, { grantRules }: Snapshot): VerifiedClaims {
	const named = (claim: 'group' | 'role', held: readonly string[]): readonly string[] => {
		const known = new Set(grantRules.flatMap(({ match }) => (match.claim === claim ? [match.value] : [])));
		return [...new Set(held)].filter((each) => known.has(each));
	};
	const roles = named('role', claims.roles);
	if (claims.groups === 'unknown') return { ...claims, roles };
	const groups = named('group', claims.groups);
	const isSmall = Buffer.byteLength(JSON.stringify([groups, roles])) <= MOST_BYTES_OF_GROUPS;
	return { ...claims, roles, groups: isSmall ? groups : 'unknown' };
}
