import type { AppParts } from '../app-parts.ts';
import type { Environment } from '../config/environment.ts';
import { createStoredTokens } from '../store/lease-tokens.ts';
import type { Store } from '../store/store.ts';
import type { Opened } from './opened.ts';

type LimitingSettings = Pick<Environment, 'redisUrl' | 'limitsWithoutStore' | 'processes' | 'failedAuthPerMinute'>;

/** How limits are kept: in Redis where one is named, otherwise in the database. */
export async function openLimiting(
	settings: LimitingSettings,
	{ store, opened }: { readonly store: Store; readonly opened: Opened },
): Promise<NonNullable<AppParts['limiting']>> {
	const { redisUrl, limitsWithoutStore: withoutStore, processes, failedAuthPerMinute: perMinute } = settings;
	const how = { withoutStore, processes, perMinute };
	if (redisUrl === '') return { ...how, tokens: createStoredTokens(store) };
	// Who has no Redis need not load what speaks to it.
	const { openRedisTokens } = await import('../limits/redis-tokens.ts');
	const redis = openRedisTokens(redisUrl);
	opened.add(redis.close);
	return { ...how, tokens: redis.lease };
}
