import type { ServerResponse } from 'node:http';

/** How often a silent stream says that it lives, milliseconds: proxies cut connections that are idle for a minute. */
export const KEEP_ALIVE_MS = 15_000;

/**
 * Writes a comment to an event stream every KEEP_ALIVE_MS until it has closed. Streams are written event by event, so a
 * comment never falls inside one (WHATWG HTML §9.2.7 recommends one about every 15 seconds).
 */
export function keepAlive(response: ServerResponse): void {
	const timer = setInterval(() => {
		// A client that does not read is not made to read more, and a write after the end is an error that nobody hears.
		if (!response.writableEnded && !response.writableNeedDrain) response.write(': keep-alive\n\n');
	}, KEEP_ALIVE_MS).unref();
	response.once('close', () => clearInterval(timer));
}
