import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Turns small values into opaque, tamper-proof text (AES-256-GCM, base64url) and back. */
export interface Sealer {
	seal(value: unknown): string;
	/** The sealed value, or `undefined` when the text was not sealed with this key and purpose, or was changed. */
	open(text: string): unknown;
}

/** A sealer for one purpose; text sealed for another purpose does not open. `key`: 32 bytes. */
export function createSealer(key: Buffer, purpose: string): Sealer {
	const aad = Buffer.from(purpose);
	return {
		seal(value) {
			const iv = randomBytes(IV_BYTES);
			const cipher = createCipheriv(ALGORITHM, key, iv).setAAD(aad);
			const body = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
			return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url');
		},
		open(text) {
			try {
				return openSealed(key, aad, text);
			} catch {
				return undefined;
			}
		},
	};
}

function openSealed(key: Buffer, aad: Buffer, text: string): unknown {
	const bytes = Buffer.from(text, 'base64url');
	// Buffer ignores characters outside base64url and trailing bits; only the canonical spelling is ours.
	if (bytes.length <= IV_BYTES + TAG_BYTES || bytes.toString('base64url') !== text) return undefined;
	const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, IV_BYTES)).setAAD(aad);
	decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
	const body = Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
	return JSON.parse(body.toString('utf8'));
}
