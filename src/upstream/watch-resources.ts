import { asObject } from '../mcp/call.ts';
import { RESOURCE_FILTER } from '../mcp/changes.ts';
import { listenParams, type UpstreamInfo } from './open-session.ts';
import type { Wire } from './wire.ts';

/** A session as far as watching goes. */
export interface Watchable {
	readonly wire: Wire;
	readonly info: UpstreamInfo;
	/** Client capabilities the session declares, JSON text. */
	readonly profile: string;
}

/**
 * Makes a modern server tell when these resources change, and its lists; resolves with the ones it agreed to. A legacy
 * server is asked for each resource by itself, with `resources/subscribe`: here only its stream is waited for.
 */
export async function watchResources(
	{ wire, info, profile }: Watchable,
	uris: readonly string[],
): Promise<ReadonlySet<string>> {
	const isModern = info.era === 'modern';
	const acknowledged = await wire.watch(isModern ? listenParams(info.capabilities, profile, uris) : undefined);
	if (!isModern) return new Set(uris);
	if (acknowledged === undefined) return new Set();
	const filter = asObject(acknowledged['notifications']);
	// An acknowledgement that names nothing refuses nothing.
	if (filter === undefined) return new Set(uris);
	const agreed = filter[RESOURCE_FILTER];
	return new Set(Array.isArray(agreed) ? uris.filter((uri) => agreed.includes(uri)) : []);
}
