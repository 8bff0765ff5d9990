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
	let reach: 'lost' | 'found' = 'found';
	const reached = (now: 'lost' | 'found'): void => {
		if (now !== reach) onReach(now);
		reach = now;
	};
	const looks = createLooks(() => {
		return look().then(
			() => reached('found'),
			() => reached('lost'),
		);
	});
	const ear = createEar(connection, looks.soon);
	const poll = setInterval(() => {
		ear.open();
		looks.soon();
	}, POLL_MS).unref();
	ear.open();
	return {
		async close() {
			clearInterval(poll);
			await Promise.all([looks.close(), ear.close()]);
		},
	};
}

interface Looks {
	soon(): void;
	close(): Promise<void>;
}

/** One look at a time; what is told meanwhile may have come after what was read, so there is one more then. */
function createLooks(look: () => Promise<void>): Looks {
	let closed = false;
	let looking: Promise<void> | undefined;
	let again = false;
	const lookNow = async (): Promise<void> => {
		while (again && !closed) {
			again = false;
			await look();
		}
		looking = undefined;
	};
	return {
		soon() {
			again = true;
			if (!closed) looking ??= lookNow();
		},
		async close() {
			closed = true;
			await looking;
		},
	};
}

interface Ear {
	/** Listens unless it does already; a connection that cannot be made is tried again by the next call. */
	open(): void;
	close(): Promise<void>;
}

function createEar(connection: PgConnection, onTold: () => void): Ear {
	let client: pg.Client | undefined;
	const listen = async (opened: pg.Client): Promise<void> => {
		const forget = (): void => {
			if (client === opened) client = undefined;
			opened.end().catch(() => undefined);
		};
		opened.on('notification', onTold);
		opened.on('end', forget);
		opened.on('error', forget);
		try {
			await opened.connect();
			await opened.query(`listen ${CHANNEL}`);
			onTold();
		} catch {
			forget();
		}
	};
	return {
		open() {
			if (client !== undefined) return;
			client = createClient(connection);
			void listen(client);
		},
		async close() {
			await client?.end().catch(() => undefined);
		},
	};
}
