import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { errorCode, PortcullisError } from '../../errors/portcullis-error.ts';
import type { WrappingKeys } from '../keys/wrapping-keys.ts';
import { IV_BYTES, joinSealed, LAYOUT, type SealedParts, splitSealed } from './sealed-layout.ts';

/** What a sealed value is for; one sealed for another purpose does not open. */
export type SealPurpose = 'credential' | 'oauth-registration' | 'oauth-pending' | 'signing-key' | 'key-check';

/** The one place a sealed value belongs to; in any other it does not open. */
export interface SealBinding {
	readonly purpose: SealPurpose;
	/** The nil id for what is the platform's. */
	readonly workspaceId: string;
	/** Id of the row within the workspace. */
	readonly id: string;
}

/** A sealed value as rows keep it. */
export interface Sealed {
	/** Id of the wrapping key that is needed to open it. */
	readonly keyId: string;
	readonly bytes: Buffer;
}

/** Turns texts into values that only open in their own place, and back. */
export interface Sealing {
	seal(text: string, binding: SealBinding, signal: AbortSignal): Promise<Sealed>;
	/** The text. Rejects with PC_SECRET_UNREADABLE whatever is wrong with the value, PC_KEYS_UNAVAILABLE as the keys do. */
	open(sealed: Sealed, binding: SealBinding, signal: AbortSignal): Promise<string>;
	/** The same value under the current wrapping key; the same object where that is so already. Its text is not looked at. */
	rewrap(sealed: Sealed, signal: AbortSignal): Promise<Sealed>;
	/** Id of the wrapping key that seals from now on. */
	readonly keyId: string;
}

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;

/** Seals with AES-256-GCM and a fresh key for each value, which the wrapping keys encrypt. */
export function createSealing(keys: WrappingKeys): Sealing {
	return {
		get keyId() {
			return keys.current;
		},
		async seal(text, binding, signal) {
			const dataKey = randomBytes(KEY_BYTES);
			try {
				const { keyId, wrapped } = await keys.wrap(dataKey, signal);
				return { keyId, bytes: joinSealed({ wrapped, ...encrypt(text, dataKey, placeOf(binding)) }) };
			} finally {
				dataKey.fill(0);
			}
		},
		open: (sealed, binding, signal) =>
			readable(async () => {
				const parts = split(sealed);
				const dataKey = await keys.unwrap(sealed.keyId, parts.wrapped, signal);
				try {
					return decrypt(parts, dataKey, placeOf(binding));
				} finally {
					dataKey.fill(0);
				}
			}),
		async rewrap(sealed, signal) {
			if (sealed.keyId === keys.current) return sealed;
			const parts = split(sealed);
			const dataKey = await readable(() => keys.unwrap(sealed.keyId, parts.wrapped, signal));
			try {
				const { keyId, wrapped } = await keys.wrap(dataKey, signal);
				return { keyId, bytes: joinSealed({ ...parts, wrapped }) };
			} finally {
				dataKey.fill(0);
			}
		},
	};
}

// Which of the many things was wrong would tell whoever changes values how far they got.
async function readable<T>(read: () => Promise<T>): Promise<T> {
	try {
		return await read();
	} catch (error) {
		const code = errorCode(error);
		if (code === 'PC_KEYS_UNAVAILABLE' || code === 'PC_KEYS_MISSING') throw error;
		throw new PortcullisError('PC_SECRET_UNREADABLE');
	}
}

function split({ bytes }: Sealed): SealedParts {
	const parts = splitSealed(bytes);
	if (parts === undefined) throw new PortcullisError('PC_SECRET_UNREADABLE');
	return parts;
}

// As JSON, so that no two places are one text.
function placeOf({ purpose, workspaceId, id }: SealBinding): Buffer {
	return Buffer.from(JSON.stringify(['portcullis', LAYOUT, purpose, workspaceId, id]));
}

function encrypt(text: string, key: Buffer, place: Buffer): Omit<SealedParts, 'wrapped'> {
	const iv = randomBytes(IV_BYTES);
	const cipher = createCipheriv(ALGORITHM, key, iv).setAAD(place);
	const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
	return { iv, tag: cipher.getAuthTag(), body };
}

function decrypt({ iv, tag, body }: SealedParts, key: Buffer, place: Buffer): string {
	const decipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: tag.length }).setAAD(place);
	decipher.setAuthTag(tag);
	return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
}
