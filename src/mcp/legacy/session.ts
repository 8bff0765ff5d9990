import { hash, randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Sealer } from '../../lib/seal.ts';
import { type Address, pathOf } from '../address.ts';
import type { JsonObject } from '../call.ts';

/** What an `Mcp-Session-Id` of ours says. The id is the sealed text of this, so it costs no memory between calls. */
export interface SessionClaim {
	/** Digest of the principal it was given to. */
	readonly owner: string;
	/** Path of the address it was given at. */
	readonly path: string;
	/** Revision of the server; empty at aggregate addresses. */
	readonly revision: string;
	/** Tells this session from the principal's other ones. */
	readonly nonce: string;
	/** The upstream's own session id where messages pass as they are. */
	readonly upstream: string | undefined;
	/** Client capabilities declared in `initialize`, canonical JSON text. */
	readonly profile: string;
}

/** Whoever a session belongs to, by the principal's injective key. */
export interface SessionOwner {
	readonly key: string;
}

/** Makes and reads session ids. */
export interface SessionIds {
	mint(claim: SessionClaim): string;
	/** The claim, or `undefined` when the id is not ours or has ended. Says nothing yet about whose it is. */
	read(id: string): SessionClaim | undefined;
	/** Ends a session: its id is unknown from now on (mcp 2025-11-25: basic/transports, session management). */
	end(claim: SessionClaim): void;
}

const REMEMBERED = 10_000;
const MAX_PROFILE_CHARS = 2_048;

/** Session ids sealed by `sealer`; opened ones are remembered to spare the hot path the decryption. */
export function createSessionIds(sealer: Sealer): SessionIds {
	const opened = new LRUCache<string, SessionClaim>({ max: REMEMBERED });
	const ended = new LRUCache<string, true>({ max: REMEMBERED });
	return {
		mint: (claim) => sealer.seal(claim),
		read(id) {
			const known = opened.get(id) ?? (sealer.open(id) as SessionClaim | undefined);
			if (known === undefined || ended.has(known.nonce)) return undefined;
			opened.set(id, known);
			return known;
		},
		end: (claim) => void ended.set(claim.nonce, true),
	};
}

/** A claim for this principal at this address. */
export function newClaim(at: {
	readonly principal: SessionOwner;
	readonly address: Address;
	readonly revision: string;
	readonly upstream: string | undefined;
	readonly profile: string;
}): SessionClaim {
	return {
		owner: ownerOf(at.principal),
		path: pathOf(at.address),
		revision: at.revision,
		nonce: randomUUID(),
		upstream: at.upstream,
		profile: at.profile,
	};
}

/** Whether the session was given to this principal at this address, by this definition of the server. */
export function isSessionOf(claim: SessionClaim, principal: SessionOwner, address: Address, revision: string): boolean {
	return claim.owner === ownerOf(principal) && claim.path === pathOf(address) && claim.revision === revision;
}

function ownerOf(principal: SessionOwner): string {
	return hash('sha256', principal.key, 'base64url').slice(0, 22);
}

/** Canonical text of declared client capabilities; too large ones count as none, which only narrows. */
export function profileOf(capabilities: JsonObject | undefined): string {
	if (capabilities === undefined || Object.keys(capabilities).length === 0) return '{}';
	const text = JSON.stringify(sortKeys(capabilities));
	return text.length <= MAX_PROFILE_CHARS ? text : '{}';
}

function sortKeys(value: unknown): unknown {
	if (typeof value !== 'object' || value === null) return value;
	if (Array.isArray(value)) return value.map(sortKeys);
	const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
	return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}
