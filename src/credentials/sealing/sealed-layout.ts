/** The parts of a sealed value. */
export interface SealedParts {
	/** The data key, encrypted with a wrapping key. */
	readonly wrapped: Buffer;
	readonly iv: Buffer;
	readonly tag: Buffer;
	readonly body: Buffer;
}

/** The layout written today; it is part of what is authenticated. */
export const LAYOUT = 1;
/** Of AES-GCM, bytes. */
export const IV_BYTES = 12;
/** Of AES-GCM, bytes. */
export const TAG_BYTES = 16;

const HEAD_BYTES = 3;
const MOST_WRAPPED = 0xffff;

/** One byte of layout, two of the length of the wrapped key, the wrapped key, iv, tag, body. */
export function joinSealed({ wrapped, iv, tag, body }: SealedParts): Buffer {
	if (wrapped.length > MOST_WRAPPED) throw new RangeError('the wrapped key is too long');
	const head = Buffer.alloc(HEAD_BYTES);
	head.writeUInt8(LAYOUT, 0);
	head.writeUInt16BE(wrapped.length, 1);
	return Buffer.concat([head, wrapped, iv, tag, body]);
}

/** The parts; `undefined` where the bytes are of another layout or too few. */
export function splitSealed(bytes: Buffer): SealedParts | undefined {
	if (bytes.length < HEAD_BYTES || bytes.readUInt8(0) !== LAYOUT) return undefined;
	const ivAt = HEAD_BYTES + bytes.readUInt16BE(1);
	const tagAt = ivAt + IV_BYTES;
	const bodyAt = tagAt + TAG_BYTES;
	if (bytes.length < bodyAt) return undefined;
	return {
		wrapped: bytes.subarray(HEAD_BYTES, ivAt),
		iv: bytes.subarray(ivAt, tagAt),
		tag: bytes.subarray(tagAt, bodyAt),
		body: bytes.subarray(bodyAt),
	};
}
