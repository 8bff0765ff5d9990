import { hkdfSync } from 'node:crypto';
import type { Secret } from '../lib/secret.ts';

/** A key of 32 bytes that every process with this secret derives for this purpose (RFC 5869), and nobody without it. */
export function derivedKey(secret: Secret, purpose: string): Buffer {
	return Buffer.from(hkdfSync('sha256', secret.reveal(), 'portcullis', purpose, 32));
}
