import type { PlatformTx } from '../tx.ts';

/** Something sealed that belongs to the platform. */
export interface PlatformSeal {
	readonly id: string;
	readonly sealed: Buffer;
	/** Id of the wrapping key. */
	readonly keyId: string;
}

/** What is in use of this purpose, oldest first. */
export function listPlatformSeals(tx: PlatformTx, purpose: string): Promise<readonly PlatformSeal[]> {
	return tx.query(
		`select id, sealed, key_id as "keyId" from portcullis.signing_key
		 where purpose = $1 and retired_at is null order by created_at, id`,
		[purpose],
	);
}

/** Keeps something under an id that its seal is bound to. */
export async function insertPlatformSeal(
	tx: PlatformTx,
	{ purpose, id, sealed, keyId }: PlatformSeal & { readonly purpose: string },
): Promise<void> {
	await tx.query('insert into portcullis.signing_key (id, purpose, sealed, key_id) values ($1, $2, $3, $4)', [
		id,
		purpose,
		sealed,
		keyId,
	]);
}

/** Replaces the seal of something by one under another wrapping key, unless it was changed since it was read. */
export async function rewrapPlatformSeal(
	tx: PlatformTx,
	{ id, sealed, keyId, before }: PlatformSeal & { readonly before: string },
): Promise<void> {
	await tx.query('update portcullis.signing_key set sealed = $2, key_id = $3 where id = $1 and key_id = $4', [
		id,
		sealed,
		keyId,
		before,
	]);
}

/** Takes things of a purpose out of use. */
export async function retirePlatformSeals(tx: PlatformTx, ids: readonly string[]): Promise<void> {
	await tx.query('update portcullis.signing_key set retired_at = now() where id = any($1::uuid[])', [ids]);
}

/** Everything in use that is sealed with another wrapping key than this, of any purpose but `except`. */
export function platformSealsBehind(
	tx: PlatformTx,
	{ keyId, except }: { readonly keyId: string; readonly except: string },
): Promise<readonly (PlatformSeal & { readonly purpose: string })[]> {
	return tx.query(
		`select id, purpose, sealed, key_id as "keyId" from portcullis.signing_key
		 where key_id <> $1 and purpose <> $2 and retired_at is null order by created_at, id`,
		[keyId, except],
	);
}
