import type { EdgeMechanism, ListenerSettings } from '../../config/listeners.ts';
import type { Directory, SnapshotSource } from '../../config/snapshot.ts';
import { PortcullisError } from '../../errors/portcullis-error.ts';
import { principalKey } from '../../lib/principal-key.ts';
import type { VerifiedClaims } from '../check-claims.ts';
import { LEEWAY_S } from '../check-times.ts';
import type { Presented } from '../presented.ts';
import { findBearer } from '../read-bearer.ts';
import { type Asserted, readAssertion } from './assertion.ts';
import { createClientCertificateProof } from './client-certificate.ts';
import { createEdgeKeys, type EdgeKeysOptions } from './edge-keys.ts';
import { refusedPerson, refusedProof } from './edge-refusal.ts';
import { describedByHeaders, type PresentedVia, type Proves } from './header-edge.ts';
import { type ClaimsOfToken, createManagedIdentityProof } from './managed-identity.ts';
import { createReplays, type Replays } from './replays.ts';
import { createSharedSecretProof } from './shared-secret.ts';
import { vouchedPerson } from './vouched-person.ts';

/** How long a person stands as described by headers, which say nothing about time, seconds. */
export const DESCRIBED_S = 300;

/** What edges are judged with. */
export interface EdgeWayOptions {
	readonly listeners: readonly ListenerSettings[];
	readonly snapshots: SnapshotSource;
	readonly claimsOfToken: ClaimsOfToken;
	readonly keys: EdgeKeysOptions;
	/** Wall clock, milliseconds since 1970. */
	readonly now: () => number;
}

/** The way of those whom an edge vouches for. */
export interface EdgeWay {
	/**
	 * Claims of whom the edge of the listener vouches for. `undefined`, or a promise of it: no edge says who it is, and the
	 * caller's own bearer decides. Rejects with PC_EDGE_* and, where a bearer is sent too, as its verification does.
	 */
	claimsOf(presented: Presented): Promise<VerifiedClaims | undefined> | undefined;
	/** Aborts key fetches in flight. */
	close(): void;
}

/** Assembles the mechanisms of all listeners. */
export function createEdgeWay(options: EdgeWayOptions): EdgeWay {
	const replays = createReplays({ now: options.now });
	const edges = new Map(
		options.listeners.flatMap(({ name, edge }) =>
			edge === undefined ? [] : [[name, createEdge(edge, { ...options, replays, listener: name })] as const],
		),
	);
	// One request may be asked about several times, each message of a batch and what a stream does later being calls of
	// their own; an assertion is good for one request, and headers for a time that begins with it.
	const seen = new WeakMap<Presented, Promise<VerifiedClaims | undefined>>();

	async function stillGood(vouched: Promise<VerifiedClaims | undefined>): Promise<VerifiedClaims | undefined> {
		const claims = await vouched;
		if (claims === undefined) return undefined;
		if (options.now() >= (claims.expiresAt + LEEWAY_S) * 1_000) throw refusedProof('what the edge said has expired');
		// The configuration may have been swapped meanwhile, or since.
		if (!options.snapshots.current().directories.some((directory) => isOf(claims, directory))) {
			throw refusedPerson('the directory is accepted no longer');
		}
		return claims;
	}

	return {
		claimsOf(presented) {
			const edge = presented.via && edges.get(presented.via.listener);
			if (edge === undefined) return undefined;
			const vouched = seen.get(presented) ?? vouch(edge, presented as PresentedVia, options.claimsOfToken);
			seen.set(presented, vouched);
			return stillGood(vouched);
		},
		close() {
			for (const edge of edges.values()) edge.close();
		},
	};
}

function isOf({ directory, issuer, tid }: VerifiedClaims, { id, ...known }: Directory): boolean {
	return id === directory && known.issuer === issuer && known.tenantId === tid;
}

// A bearer beside it is the caller's own word: it must be good, and of the same person.
async function vouch(
	edge: Edge,
	presented: PresentedVia,
	claimsOfToken: ClaimsOfToken,
): Promise<VerifiedClaims | undefined> {
	const claims = await edge.vouch(presented);
	const bearer = claims && findBearer(presented.rawHeaders);
	if (bearer === undefined) return claims;
	const own = await claimsOfToken(bearer);
	if (principalKey(own) !== principalKey(claims as VerifiedClaims)) {
		throw new PortcullisError('PC_EDGE_MISMATCH', { detail: 'the bearer is of somebody else' });
	}
	return { ...(claims as VerifiedClaims), expiresAt: Math.min(own.expiresAt, (claims as VerifiedClaims).expiresAt) };
}

/** The edge in front of one listener. */
interface Edge {
	vouch(presented: PresentedVia): Promise<VerifiedClaims | undefined>;
	close(): void;
}

interface EdgeParts extends EdgeWayOptions {
	readonly replays: Replays;
	readonly listener: string;
}

function createEdge(edge: EdgeMechanism, parts: EdgeParts): Edge {
	const { snapshots, listener } = parts;
	const { read, close } = createReading(edge, parts);
	const vouchedBy = `edge:${listener}:${edge.mechanism}`;
	return {
		async vouch(presented) {
			const asserted = await read(presented);
			if (asserted === undefined) return undefined;
			const known = snapshots.current().directories;
			const directories = edge.directories.flatMap((id) => known.find((directory) => directory.id === id) ?? []);
			const { described, expiresAt } = asserted;
			const isSole = described.tid === undefined && edge.directories.length === 1;
			const tid = isSole ? directories[0]?.tenantId : described.tid;
			return vouchedPerson({ ...described, tid }, { directories, expiresAt, vouchedBy });
		},
		close,
	};
}

interface Reading {
	read(presented: PresentedVia): Promise<Asserted | undefined>;
	close(): void;
}

function createReading(edge: EdgeMechanism, { keys, now, replays, claimsOfToken }: EdgeParts): Reading {
	if (edge.mechanism === 'assertion') {
		const own = createEdgeKeys(edge, keys);
		return { read: (presented) => readAssertion({ edge, keys: own, replays, now }, presented), close: own.close };
	}
	const proves = createProof(edge, claimsOfToken);
	return {
		async read(presented) {
			const described = await describedByHeaders(proves, presented);
			return described && { described, expiresAt: Math.floor(now() / 1_000) + DESCRIBED_S };
		},
		close: () => undefined,
	};
}

function createProof(edge: Exclude<EdgeMechanism, { mechanism: 'assertion' }>, claimsOfToken: ClaimsOfToken): Proves {
	if (edge.mechanism === 'managed-identity') return createManagedIdentityProof(edge, claimsOfToken);
	return edge.mechanism === 'shared-secret' ? createSharedSecretProof(edge) : createClientCertificateProof(edge);
}
