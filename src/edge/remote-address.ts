import { isIP } from 'node:net';
import type { IsWithin } from '../lib/networks.ts';

/**
 * IP address of the caller behind proxies: from the right, the first entry of `X-Forwarded-For` that is no trusted proxy.
 * Only what a trusted proxy appended is read, so a caller who writes the header himself chooses nothing. Where the
 * entries end, or one is no address, the last proxy that is known stands for the caller.
 */
export function remoteAddressOf(peer: string, rawHeaders: readonly string[], isProxy: IsWithin): string {
	if (!isProxy(peer)) return peer;
	let address = peer;
	for (const entry of forwardedFor(rawHeaders).reverse()) {
		const found = addressIn(entry);
		if (found === undefined) return address;
		address = found;
		if (!isProxy(address)) return address;
	}
	return address;
}

function forwardedFor(rawHeaders: readonly string[]): string[] {
	const values = rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === 'x-forwarded-for');
	return values.flatMap((value) => value.split(','));
}

// Some proxies write a port too (Azure Application Gateway does), and then brackets around IPv6.
function addressIn(entry: string): string | undefined {
	const text = entry.trim();
	const bare = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(text)?.[1] ?? text;
	return isIP(bare) === 0 ? undefined : bare;
}
