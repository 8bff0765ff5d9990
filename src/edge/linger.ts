import type { IncomingMessage } from 'node:http';

/** More than this is not read of a body that is refused, bytes and milliseconds. */
const MOST_BYTES = 8 * 1024 * 1024;
const LONGEST_MS = 500;

/**
 * Reads on for a moment what has been refused. A connection that is closed over unread bytes is reset, and whoever sends
 * them, such as a proxy, may never see the answer (RFC 9112 §9.6).
 */
export function linger(request: IncomingMessage): Promise<void> {
	if (request.readableEnded || request.destroyed) return Promise.resolve();
	return new Promise((resolve) => {
		let left = MOST_BYTES;
		const onData = (chunk: Buffer): void => {
			left -= chunk.length;
			if (left < 0) finish();
		};
		const finish = (): void => {
			clearTimeout(timer);
			request.off('data', onData).off('end', finish).off('close', finish).pause();
			resolve();
		};
		const timer = setTimeout(finish, LONGEST_MS).unref();
		request.on('data', onData).once('end', finish).once('close', finish).resume();
	});
}
