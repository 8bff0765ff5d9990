import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { EdgeHeaders } from './check-headers.ts';

const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

/** Refuses bodies that are not plain JSON, before a byte of them is read. Throws PC_MEDIA_TYPE or PC_BODY_TOO_LARGE. */
export function checkBodyHeaders(headers: EdgeHeaders, maxBytes: number): void {
	if (!JSON_TYPE.test(headers.contentType ?? '')) throw new PortcullisError('PC_MEDIA_TYPE');
	if (headers.contentEncoding !== undefined && headers.contentEncoding.toLowerCase() !== 'identity') {
		throw new PortcullisError('PC_MEDIA_TYPE');
	}
	if (Number(headers.contentLength ?? 0) > maxBytes) throw new PortcullisError('PC_BODY_TOO_LARGE');
}

/** The body as text, at most `maxBytes` bytes of valid UTF-8. Throws PC_BODY_TOO_LARGE or PC_JSON_INVALID. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
	return new Promise((resolve, reject) => {
		const chunks: Buffer[] = [];
		let size = 0;
		request.on('data', (chunk: Buffer) => {
			size += chunk.length;
			if (size > maxBytes) {
				request.pause();
				return reject(new PortcullisError('PC_BODY_TOO_LARGE'));
			}
			chunks.push(chunk);
		});
		request.on('end', () => {
			const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
			if (!isUtf8(body) || isMarked(body)) return reject(new PortcullisError('PC_JSON_INVALID'));
			resolve(body.toString('utf8'));
		});
		request.on('close', () => {
			if (!request.readableEnded) reject(new PortcullisError('PC_CALL_CANCELLED'));
		});
	});
}

// A byte order mark is white space to some parsers and a fault to others (RFC 8259 §8.1).
function isMarked(body: Buffer): boolean {
	return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
}
