import type pg from 'pg';
import { createClient, type PgConnection } from './connection.ts';

/** What is followed, and what is done about it. */
export interface FollowParts {
	/** A connection of its own, not through a transaction pooler, which would lose what is told. */
	readonly connection: PgConnection;
	/** Looks for changes; rejects when the database is gone. */
	look(): Promise<void>;
	/** Told when looking begins to fail, and when it works again. */
	onReach(reach: 'lost' | 'found'): void;
}

/** Ends the following. */
export interface Following {
	close(): Promise<void>;
}

/** A change is seen within this time even when nobody was told of it, and a database that is back is found, milliseconds. */
const POLL_MS = 1_000;

const CHANNEL = 'portcullis_config';

/**
 * Looks for changes when the database tells of some (LISTEN), and every second in case it could not. What is told holds
 * ids and versions alone and is not even read: whoever looks does so under row-level security.
 */
export function followChanges({ connection, look, onReach }: FollowParts): Following {
	let closed = false;
	let client: pg.Client | undefined;
	let reach: 'lost' | 'found' = 'found';
	let looking: Promise<void> | undefined;
	let again = false;

	const reached = (now: 'lost' | 'found'): void => {
		if (now === reach || closed) return;
		reach = now;
		onReach(now);
	};
	const lookNow = async (): Promise<void> => {
		do {
			again = false;
			await look().then(
				() => reached('found'),
				() => reached('lost'),
			);
		} while (again && !closed);
		looking = undefined;
	};
	// What is told while we look may have come after what we read.
	const lookSoon = (): void => {
		again = true;
		if (!closed) looking ??= lookNow();
	};
	const listen = async (): Promise<void> => {
		if (client !== undefined || closed) return;
		const opened = createClient(connection);
		client = opened;
		const forget = (): void => {
			if (client === opened) client = undefined;
			opened.end().catch(() => undefined);
		};
		opened.on('notification', lookSoon);
		opened.on('end', forget);
		opened.on('error', forget);
		try {
			await opened.connect();
			await opened.query(`listen ${CHANNEL}`);
			lookSoon();
		} catch {
			forget();
		}
	};
	const poll = setInterval(() => {
		void listen();
		lookSoon();
	}, POLL_MS).unref();
	void listen();

	return {
		async close() {
			closed = true;
			clearInterval(poll);
			await looking?.catch(() => undefined);
			await client?.end().catch(() => undefined);
		},
	};
}
