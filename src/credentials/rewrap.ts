import { errorCode } from '../errors/portcullis-error.ts';
import { type SealedValue, sealedBehind, storeRewrapped } from '../store/queries/sealed-value.ts';
import {
	listPlatformSeals,
	platformSealsBehind,
	retirePlatformSeals,
	rewrapPlatformSeal,
} from '../store/queries/signing-key.ts';
import type { Store } from '../store/store.ts';
import type { PlatformReason } from '../store/tx.ts';
import { KEY_CHECK } from './keys/check-keys.ts';
import type { Sealing } from './sealing/create-sealing.ts';

/** What came of it. */
export interface Rewrapped {
	/** Values that are under the current key now and were not before. */
	readonly rewrapped: number;
	/** Values that could not be opened; their keys stay in use. */
	readonly unreadable: number;
	/** Ids of keys that nothing is sealed with any more. */
	readonly retired: readonly string[];
}

/** What it is done with. */
export interface RewrapParts {
	readonly store: Store;
	readonly sealing: Sealing;
	/** Ids of all workspaces. */
	readonly workspaceIds: readonly string[];
	readonly why: PlatformReason;
	readonly signal: AbortSignal;
}

const AT_ONCE = 200;
const REASON = 'rewrap-credentials';

/**
 * Puts every sealed value under the current wrapping key, one after the other and each only if it is still the one that was
 * read: calls and changes go on meanwhile. Keys that nothing needs any more are retired, so that they may be taken away.
 */
export async function rewrapAll(parts: RewrapParts): Promise<Rewrapped> {
	let [rewrapped, unreadable] = [0, 0];
	for (const workspaceId of parts.workspaceIds) {
		const done = await rewrapWorkspace(parts, workspaceId);
		rewrapped += done.rewrapped;
		unreadable += done.unreadable;
	}
	rewrapped += await rewrapPlatform(parts);
	return { rewrapped, unreadable, retired: unreadable === 0 ? await retireKeys(parts) : [] };
}

async function rewrapWorkspace({ store, sealing, signal }: RewrapParts, workspaceId: string) {
	const failed = new Set<string>();
	let rewrapped = 0;
	for (;;) {
		const limit = AT_ONCE + failed.size;
		const behind = await store.withWorkspace(workspaceId, REASON, (tx) => {
			return sealedBehind(tx, { keyId: sealing.keyId, limit });
		});
		const due = behind.filter((value) => !failed.has(nameOf(value)));
		if (due.length === 0) return { rewrapped, unreadable: failed.size };
		for (const value of due) {
			const moved = await rewrapOne(sealing, value, signal);
			if (moved === undefined) failed.add(nameOf(value));
			else await store.withWorkspace(workspaceId, REASON, (tx) => storeRewrapped(tx, value, moved));
			if (moved !== undefined) rewrapped++;
		}
	}
}

const nameOf = ({ table, row }: SealedValue): string => `${table} ${row}`;

async function rewrapOne(
	sealing: Sealing,
	{ keyId, sealed }: Pick<SealedValue, 'keyId' | 'sealed'>,
	signal: AbortSignal,
) {
	try {
		const moved = await sealing.rewrap({ keyId, bytes: sealed }, signal);
		return { keyId: moved.keyId, sealed: moved.bytes };
	} catch (error) {
		if (errorCode(error) === 'PC_SECRET_UNREADABLE') return undefined;
		throw error;
	}
}

async function rewrapPlatform({ store, sealing, why, signal }: RewrapParts): Promise<number> {
	const filter = { keyId: sealing.keyId, except: KEY_CHECK };
	const behind = await store.asPlatform(why, (tx) => platformSealsBehind(tx, filter));
	for (const seal of behind) {
		const moved = await sealing.rewrap({ keyId: seal.keyId, bytes: seal.sealed }, signal);
		const after = { id: seal.id, sealed: moved.bytes, keyId: moved.keyId, before: seal.keyId };
		await store.asPlatform(why, (tx) => rewrapPlatformSeal(tx, after));
	}
	return behind.length;
}

function retireKeys({ store, sealing, why }: RewrapParts): Promise<readonly string[]> {
	return store.asPlatform(why, async (tx) => {
		const old = (await listPlatformSeals(tx, KEY_CHECK)).filter(({ keyId }) => keyId !== sealing.keyId);
		await retirePlatformSeals(
			tx,
			old.map(({ id }) => id),
		);
		return old.map(({ keyId }) => keyId);
	});
}
