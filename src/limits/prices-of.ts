import type { RateLimits } from '../config/snapshot.ts';
import type { Principal } from '../identity/principal.ts';
import type { Call } from '../mcp/call.ts';
import type { HeldRoute, RawRoute, Route, SubscribeRoute } from '../router/route.ts';
import type { Price } from './stock.ts';

/** A route on which a server works for the caller. */
export type WorkRoute = RawRoute | HeldRoute | SubscribeRoute;

/**
 * Whether a server is asked to do something. Lists and what else the gateway answers by itself, answers to questions of
 * a server, streams and the end of a session are no work; nor is the word that a call is no longer wanted.
 */
export function isWork(route: Route, { kind, method }: Call): route is WorkRoute {
	if (!('server' in route)) return false;
	return kind === 'request' || (kind === 'notification' && method !== 'notifications/cancelled');
}

/** Which buckets of its workspace a call takes a token from. */
export function pricesOf(principal: Principal, route: WorkRoute, limits: RateLimits): readonly Price[] {
	const { workspaceId, slug } = route.server;
	const prices: Price[] = [];
	const add = (kind: Price['kind'], of: string, limit: Price['limit'] | undefined): void => {
		if (limit !== undefined) prices.push({ workspaceId, kind, of, limit });
	};
	add('workspace', '', limits.workspace);
	add('principal', principal.key, limits.principal);
	if (isByKey(principal)) add('key', principal.vouchedBy, limits.key);
	const tool = route.kind === 'subscribe' ? undefined : route.tool;
	if (tool !== undefined) {
		const path = `${slug}/${tool.name}`;
		add('tool', path, limits.tools.get(path) ?? limits.tool);
	}
	add('workspace-daily', '', limits.daily.workspace);
	add('principal-daily', principal.key, limits.daily.principal);
	return prices;
}

function isByKey({ vouchedBy }: Principal): boolean {
	return vouchedBy.startsWith('api-key:') || vouchedBy.startsWith('open-webui:');
}
