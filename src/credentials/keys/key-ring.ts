import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { PortcullisError } from '../../errors/portcullis-error.ts';
import { IV_BYTES, TAG_BYTES } from '../sealing/sealed-layout.ts';
import type { WrappingKeys } from './wrapping-keys.ts';

/** A wrapping key of the gateway's own. */
export interface RingKey {
	readonly id: string;
	/** 32 bytes. */
	readonly key: Buffer;
}

const ALGORITHM = 'aes-256-gcm';

/** Wrapping keys in the memory of this process: the first one wraps, the others only read what they once wrapped. */
export function createKeyRing([first, ...older]: readonly [RingKey, ...RingKey[]]): WrappingKeys {
	const keys = new Map([first, ...older].map(({ id, key }) => [id, Buffer.from(key)]));
	return {
		current: first.id,
		wrap: async (dataKey) => ({ keyId: first.id, wrapped: wrapWith(first, dataKey) }),
		async unwrap(keyId, wrapped) {
			const key = keys.get(keyId);
			if (key === undefined) throw new PortcullisError('PC_SECRET_UNREADABLE');
			return unwrapWith({ id: keyId, key }, wrapped);
		},
		check: () => Promise.resolve(),
		async close() {
			for (const key of keys.values()) key.fill(0);
		},
	};
}

function wrapWith({ id, key }: RingKey, dataKey: Buffer): Buffer {
	const iv = randomBytes(IV_BYTES);
	const cipher = createCipheriv(ALGORITHM, key, iv).setAAD(placeOf(id));
	const body = Buffer.concat([cipher.update(dataKey), cipher.final()]);
	return Buffer.concat([iv, cipher.getAuthTag(), body]);
}

function unwrapWith({ id, key }: RingKey, wrapped: Buffer): Buffer {
	const [iv, rest] = [wrapped.subarray(0, IV_BYTES), wrapped.subarray(IV_BYTES)];
	const decipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES }).setAAD(placeOf(id));
	decipher.setAuthTag(rest.subarray(0, TAG_BYTES));
	return Buffer.concat([decipher.update(rest.subarray(TAG_BYTES)), decipher.final()]);
}

function placeOf(id: string): Buffer {
	return Buffer.from(JSON.stringify(['portcullis-wrapping', id]));
}
