import { LRUCache } from 'lru-cache';
import { PortcullisError } from '../errors/portcullis-error.ts';

/** How failed attempts to sign in are limited. */
export interface FailuresOptions {
	/** Failures of one network address in a minute. */
	readonly perMinute?: number | undefined;
	/** Told of each attempt that is refused unseen. */
	readonly onRefused?: () => void;
}

/** The attempts of one network address. */
export interface Attempts {
	/** Called before any work of verification. Throws PC_TOO_MANY_FAILURES. */
	begin(): void;
	/** Called when that work is done, and how it came out. */
	end(outcome: 'passed' | 'failed'): void;
}

/** Failures that are let pass in a minute: many people may stand behind one address. */
const PER_MINUTE = 300;
/** Sums of fractions fall short of whole attempts. */
const CRUMB = 1e-6;
/** Addresses that are remembered; one that is forgotten begins anew. */
const MAX_ADDRESSES = 20_000;

interface Bucket {
	left: number;
	at: number;
	pending: number;
}

/**
 * Counts failures by network address. Whoever signs in costs nothing; once half of the failures are used up, attempts
 * that are under way count too, so that many at once get no further than one after the other.
 */
export function createFailedAttempts(options: FailuresOptions, steadyNow: () => number): (address: string) => Attempts {
	const { perMinute = PER_MINUTE, onRefused } = options;
	const buckets = new LRUCache<string, Bucket>({ max: MAX_ADDRESSES });

	function filled(key: string): Bucket {
		const now = steadyNow();
		const bucket = buckets.get(key) ?? { left: perMinute, at: now, pending: 0 };
		bucket.left = Math.min(perMinute, bucket.left + ((now - bucket.at) * perMinute) / 60_000);
		bucket.at = now;
		return bucket;
	}

	return (address) => {
		const key = networkOf(address);
		return {
			begin() {
				const bucket = filled(key);
				const isFree = bucket.left > perMinute / 2;
				const lacking = isFree ? 0 : 1 + bucket.pending - bucket.left;
				if (lacking > CRUMB) {
					onRefused?.();
					throw tooMany(Math.ceil((lacking * 60) / perMinute - CRUMB));
				}
				bucket.pending += 1;
				buckets.set(key, bucket);
			},
			end(outcome) {
				const bucket = filled(key);
				bucket.pending = Math.max(0, bucket.pending - 1);
				// What passed before anybody had failed is paid for afterwards.
				if (outcome === 'failed') bucket.left = Math.max(-perMinute, bucket.left - 1);
				buckets.set(key, bucket);
			},
		};
	};
}

function tooMany(seconds: number): PortcullisError {
	const retryAfterSeconds = Math.max(1, seconds);
	const data = { limit: 'failures', retry_after: retryAfterSeconds };
	return new PortcullisError('PC_TOO_MANY_FAILURES', { data, retryAfterSeconds });
}

/** What counts as one address: an IPv4 address, in whatever form, or the 64 bits that one customer of IPv6 has. */
export function networkOf(address: string): string {
	const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
	if (mapped?.[1] !== undefined) return mapped[1];
	const [bare = ''] = address.split('%');
	if (!bare.includes(':')) return bare;
	const [head = '', tail] = bare.split('::');
	const left = head === '' ? [] : head.split(':');
	const right = tail === undefined || tail === '' ? [] : tail.split(':');
	const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
	const groups = [...left, ...(tail === undefined ? [] : zeros), ...right];
	return groups
		.slice(0, 4)
		.map((group) => Number.parseInt(group, 16).toString(16))
		.join(':');
}
