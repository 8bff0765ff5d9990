import { randomUUID } from 'node:crypto';
import { lockPlatform } from '../../store/queries/platform.ts';
import { insertPlatformSeal, listPlatformSeals, type PlatformSeal } from '../../store/queries/signing-key.ts';
import { StartError } from '../../store/start-error.ts';
import type { Store } from '../../store/store.ts';
import { createSealing, type SealBinding, type Sealing } from '../sealing/create-sealing.ts';
import type { WrappingKeys } from './wrapping-keys.ts';

/** Rows of this purpose say with which wrapping keys secrets may be sealed: one for each. */
export const KEY_CHECK = 'key-check';

/** The workspace of what belongs to none. */
const PLATFORM = '00000000-0000-0000-0000-000000000000';

const TEXT = 'portcullis';

const REASON = 'check-keys';

/** Ids of the wrapping keys that are in use in this database. */
export async function keysInUse(store: Store): Promise<readonly string[]> {
	return (await listChecks(store)).map(({ keyId }) => keyId);
}

/**
 * Sees to it that every secret in the database can be opened with these keys: for each key that was ever used and not
 * retired there is a value, which must open. Notes the current key as one that is used. Throws `StartError` PC_KEYS_WRONG.
 */
export async function checkKeys(keys: WrappingKeys, store: Store, signal: AbortSignal): Promise<void> {
	await keys.check(signal);
	const sealing = createSealing(keys);
	for (;;) {
		const checks = await listChecks(store);
		for (const check of checks) await open(sealing, check, signal);
		if (checks.some(({ keyId }) => keyId === keys.current)) return;
		const made = await makeCheck(sealing, signal);
		const isNoted = await note(store, made, checks);
		if (isNoted) return;
	}
}

function listChecks(store: Store): Promise<readonly PlatformSeal[]> {
	return store.asPlatform.standing(REASON, (tx) => listPlatformSeals(tx, KEY_CHECK));
}

const bindingOf = (id: string): SealBinding => ({ purpose: KEY_CHECK, workspaceId: PLATFORM, id });

async function open(sealing: Sealing, { id, keyId, sealed }: PlatformSeal, signal: AbortSignal): Promise<void> {
	const text = await sealing.open({ keyId, bytes: sealed }, bindingOf(id), signal).catch(() => undefined);
	if (text === TEXT) return;
	const remedy = 'Give the key it was, or keep it beside the new one until "portcullis credential rewrap" is done';
	throw new StartError(
		'PC_KEYS_WRONG',
		`Secrets are sealed with key ${keyId}, and no key given is that one. ${remedy}.`,
	);
}

async function makeCheck(sealing: Sealing, signal: AbortSignal): Promise<PlatformSeal> {
	const id = randomUUID();
	const { keyId, bytes } = await sealing.seal(TEXT, bindingOf(id), signal);
	return { id, keyId, sealed: bytes };
}

// Of several gateways that start at once with different keys on a new database, one is first and the others are refused.
function note(store: Store, made: PlatformSeal, known: readonly PlatformSeal[]): Promise<boolean> {
	return store.asPlatform.standing(REASON, async (tx) => {
		await lockPlatform(tx);
		const now = await listPlatformSeals(tx, KEY_CHECK);
		if (now.some(({ id }) => !known.some((check) => check.id === id))) return false;
		await insertPlatformSeal(tx, { ...made, purpose: KEY_CHECK });
		return true;
	});
}
