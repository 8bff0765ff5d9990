import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Turns texts into opaque, tamper-proof ones that are always the same for the same text and holder, so that nothing has
 * to be remembered. For texts that may be told apart from each other; everything else is for `createSealer`.
 */
export interface FixedSealer {
	seal(text: string, holder: string): string;
	/** The sealed text, or `undefined` when it was not sealed with this key for this purpose and holder, or was changed. */
	open(sealed: string, holder: string): string | undefined;
}

/** A sealer for one purpose: AES-256-GCM with an IV made of purpose, holder and text. `key`: 32 bytes. */
export function createFixedSealer(key: Buffer, purpose: string): FixedSealer {
	const derived = Buffer.from(hkdfSync('sha256', key, '', purpose, 64));
	const cipherKey = derived.subarray(0, 32);
	const ivKey = derived.subarray(32);
	return {
		seal(text, holder) {
			// Another text or holder gives another IV, so no two texts meet the same one.
			const iv = createHmac('sha256', ivKey)
				.update(JSON.stringify([holder, text]))
				.digest()
				.subarray(0, IV_BYTES);
			const cipher = createCipheriv(ALGORITHM, cipherKey, iv).setAAD(Buffer.from(holder));
			const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
			return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url');
		},
		open(sealed, holder) {
			try {
				return openSealed(cipherKey, sealed, holder);
			} catch {
				return undefined;
			}
		},
	};
}

function openSealed(key: Buffer, sealed: string, holder: string): string | undefined {
	const bytes = Buffer.from(sealed, 'base64url');
	// Only the canonical spelling is ours: Buffer ignores characters outside base64url and trailing bits.
	if (bytes.length < IV_BYTES + TAG_BYTES || bytes.toString('base64url') !== sealed) return undefined;
	const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, IV_BYTES)).setAAD(Buffer.from(holder));
	decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
	const body = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
	return body.toString('utf8');
}
