import { request } from 'undici';

/** Longest key set that is read, bytes; Entra's is about 20 KiB. */
export const MAX_KEY_SET_BYTES = 256 * 1024;

/** Reads the text of a key set; rejects when there is none within the limits or the signal aborts. */
export type FetchKeys = (url: string, signal: AbortSignal) => Promise<string>;

/**
 * Reads a key set over https (or http on this host, for a directory that runs beside the gateway). Redirects are
 * answers that are not 200: following one would let another host name our keys. Rejects with plain errors, which the
 * cache wraps.
 */
export const fetchKeys: FetchKeys = async (url, signal) => {
	if (!isSafeAddress(new URL(url))) throw new Error('the address of a key set must be https');
	// `reset` closes the connection: the next fetch is minutes away.
	const { statusCode, body } = await request(url, { signal, reset: true, headers: { accept: 'application/json' } });
	if (statusCode !== 200) {
		// undici reports the unread body as an error event, which nobody else listens to.
		body.on('error', () => undefined).destroy();
		throw new Error(`the directory answered ${statusCode}`);
	}
	return readLimited(body);
};

async function readLimited(body: AsyncIterable<Buffer>): Promise<string> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	for await (const chunk of body) {
		bytes += chunk.length;
		// Leaving the loop destroys the body, and with it the connection.
		if (bytes > MAX_KEY_SET_BYTES) throw new Error('the key set is larger than 256 KiB');
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString('utf8');
}

function isSafeAddress({ protocol, hostname, username, password }: URL): boolean {
	if (username !== '' || password !== '') return false;
	return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

// `URL` has already turned 127.1 and 2130706433 into 127.0.0.1.
function isLoopback(hostname: string): boolean {
	return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
