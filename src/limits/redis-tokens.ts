import { Redis } from 'ioredis';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { LEASE_MS, type LeaseAsk, type LeaseReply, type LeaseTokens } from '../lib/bucket.ts';
import { LEASE_SCRIPT } from './lease-script.ts';

/** Buckets in Redis. */
export interface RedisTokens {
	/** Rejects with PC_STORE_UNAVAILABLE. */
	readonly lease: LeaseTokens;
	close(): Promise<void>;
}

/** Before every key, so that a Redis can serve others too. */
const PREFIX = 'portcullis:rate';
/** How long Redis may take to answer before it counts as gone, milliseconds. */
const ANSWER_MS = 1_500;
/** A connection that broke is made anew within this time, milliseconds. */
const RECONNECT_MS = 500;
const DAY_MS = 86_400_000;

/** Buckets in the Redis at this address (`redis:` or `rediss:`), which is a secret. Connects in the background. */
export function openRedisTokens(url: string): RedisTokens {
	const redis = new Redis(url, {
		commandTimeout: ANSWER_MS,
		connectTimeout: ANSWER_MS,
		// What cannot be asked now is refused now: a question that waits would be answered after its caller has gone.
		enableOfflineQueue: false,
		maxRetriesPerRequest: 0,
		autoResendUnfulfilledCommands: false,
		retryStrategy: () => RECONNECT_MS,
	});
	// Without a listener every failure to connect would be printed, address and all.
	redis.on('error', () => undefined);
	return {
		lease: (workspaceId, holder, asks) => leaseAll(redis, { workspaceId, holder }, asks),
		async close() {
			await redis.quit().catch(() => redis.disconnect());
		},
	};
}

interface Whose {
	readonly workspaceId: string;
	readonly holder: string;
}

function keyOf(workspaceId: string, { key }: LeaseAsk): string {
	return `${PREFIX}:${workspaceId}:${key}`;
}

async function leaseAll(redis: Redis, whose: Whose, asks: readonly LeaseAsk[]): Promise<readonly LeaseReply[]> {
	const { workspaceId, holder } = whose;
	const keys = asks.map((ask) => keyOf(workspaceId, ask));
	const numbers = asks.flatMap(({ shape: { capacity, perMs }, held, returned, least, most }) => {
		const keepMs = Math.ceil(perMs === 0 ? DAY_MS : capacity / perMs) + 2 * LEASE_MS;
		return [capacity, perMs, held, returned, least, most, keepMs];
	});
	try {
		const replies = await redis.eval(LEASE_SCRIPT, keys.length, ...keys, holder, LEASE_MS, ...numbers);
		return (replies as readonly string[][]).map(([granted, validMs, waitMs]) => {
			return { granted: Number(granted), validMs: Number(validMs), waitMs: Number(waitMs) };
		});
	} catch (cause) {
		// The address may be in the text of the error.
		throw new PortcullisError('PC_STORE_UNAVAILABLE', { detail: 'redis' }, { cause });
	}
}
