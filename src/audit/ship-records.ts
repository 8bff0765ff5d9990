import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type AuditRecord, parseAuditRecord } from './audit-record.ts';
import { createFileRecord, type RecordKeeper } from './file-record.ts';
import type { SpoolReader } from './spool.ts';

/** Something that an operator should hear of. Nothing is lost by any of it. */
export type ShipTrouble =
	/** The store, or the disk, does not take records now; they wait in the spool. */
	| { readonly what: 'delayed'; readonly error: unknown }
	/** The store will never take this record; it is in `refused.jsonl` beside the segments. */
	| { readonly what: 'refused'; readonly error: unknown; readonly record: AuditRecord }
	/** Lines that are no records were passed over: half ones that a dying process or a full disk left. */
	| { readonly what: 'unreadable'; readonly count: number };

/** What was shipped since the start. */
export interface ShipCounts {
	readonly shipped: number;
	readonly refused: number;
	readonly unreadable: number;
}

/** What a shipper is made with. */
export interface ShipperParts {
	readonly spool: SpoolReader;
	/**
	 * Stores all of these records or none; one that is there already is as good as stored. Rejects with the code
	 * PC_STORE_UNAVAILABLE when it may succeed later, with anything else when it never will. Gives up when told to.
	 */
	ship(records: readonly AuditRecord[], signal: AbortSignal): Promise<void>;
	onTrouble(trouble: ShipTrouble): void;
	/** First wait after a failure; it doubles up to 5 s. */
	readonly retryMs: number;
}

/** Moves records from the spool to where they are stored, in order, each at least once. */
export interface Shipper {
	/** Ships what is there, and tidies up behind it. Whether nothing was left when it ended or the signal aborted. */
	flush(signal: AbortSignal): Promise<boolean>;
	/** Ends; what was under way stays in the spool. */
	close(): Promise<void>;
	counts(): ShipCounts;
}

/** Small enough to keep the event loop free for calls. */
const BATCH_RECORDS = 250;
const BATCH_BYTES = 256 * 1024;
const LOOK_MS = 250;
/** While there is room, shipping rests this many times as long as it worked: calls have the machine first. */
const REST = { busy: 24, quiet: 2 };
const LONGEST_REST_MS = 1_000;
/** Share of the time from which on the event loop counts as busy with calls. */
const BUSY = 0.25;
const LONGEST_RETRY_MS = 5_000;

/** A shipper that has begun. While there is nothing to do it has one timer, which keeps no process alive. */
export function createShipper({ spool, ship, onTrouble, retryMs }: ShipperParts): Shipper {
	const closing = new AbortController();
	// Whoever waits for the end of it all waits for no rests.
	const hurrying = new AbortController();
	const batches = createBatches({ spool, ship, onTrouble, signal: closing.signal });
	let running = Promise.resolve(true);
	let timer: NodeJS.Timeout | undefined;

	const attempt = (rest: () => Promise<void>): Promise<boolean> => {
		running = running.then(async () => {
			try {
				while (!closing.signal.aborted && (await batches.shipNext())) await rest();
				return !closing.signal.aborted;
			} catch (error) {
				if (!closing.signal.aborted) onTrouble({ what: 'delayed', error });
				return false;
			}
		});
		return running;
	};
	const look = async (failedMs: number): Promise<void> => {
		const succeeded = spool.unshippedBytes() === 0 || (await attempt(createRests(spool, hurrying.signal)));
		wait(succeeded ? 0 : nextRetry(failedMs, retryMs));
	};
	const wait = (failedMs: number): void => {
		if (closing.signal.aborted) return;
		timer = setTimeout(() => void look(failedMs), failedMs || LOOK_MS);
		timer.unref();
	};
	wait(0);

	return {
		async flush(signal) {
			hurrying.abort();
			sealIfPossible(spool);
			for (
				let failedMs = retryMs;
				!signal.aborted && !closing.signal.aborted;
				failedMs = nextRetry(failedMs, retryMs)
			) {
				if (await Promise.race([attempt(noRest), aborted(signal)])) return true;
				await delay(failedMs, undefined, { signal }).catch(() => undefined);
			}
			return false;
		},
		async close() {
			closing.abort();
			hurrying.abort();
			clearTimeout(timer);
			await running;
			batches.close();
		},
		counts: batches.counts,
	};
}

const noRest = async (): Promise<void> => undefined;

function createRests(spool: SpoolReader, hurry: AbortSignal): () => Promise<void> {
	let since = performance.now();
	let isBusy = true;
	return async () => {
		const workedMs = performance.now() - since;
		if (!hurry.aborted && spool.unshippedBytes() < spool.restfulBytes) {
			// How busy others are shows while shipping rests.
			const before = performance.eventLoopUtilization();
			const restMs = Math.min(workedMs * (isBusy ? REST.busy : REST.quiet), LONGEST_REST_MS);
			await delay(restMs, undefined, { signal: hurry, ref: false }).catch(() => undefined);
			isBusy = performance.eventLoopUtilization(before).utilization >= BUSY;
		}
		since = performance.now();
	};
}

const nextRetry = (failedMs: number, retryMs: number): number =>
	Math.min(failedMs === 0 ? retryMs : failedMs * 2, LONGEST_RETRY_MS);

// A segment that stays because no other can be begun does no harm.
function sealIfPossible(spool: SpoolReader): void {
	try {
		spool.seal();
	} catch {}
}

function aborted(signal: AbortSignal): Promise<boolean> {
	return new Promise((resolve) => {
		if (signal.aborted) resolve(false);
		signal.addEventListener('abort', () => resolve(false), { once: true });
	});
}

interface Batches {
	/** Ships and acknowledges one batch; whether there was one. Rejects when it has to be tried again. */
	shipNext(): Promise<boolean>;
	counts(): ShipCounts;
	close(): void;
}

interface BatchParts extends Omit<ShipperParts, 'retryMs'> {
	readonly signal: AbortSignal;
}

function createBatches({ spool, ship, onTrouble, signal }: BatchParts): Batches {
	const counts = { shipped: 0, refused: 0, unreadable: 0 };
	// Lines of a batch that are stored or set aside although the batch is not acknowledged yet.
	const done = new Set<string>();
	let refused: RecordKeeper | undefined;

	const setAside = (record: AuditRecord, error: unknown): void => {
		refused ??= createFileRecord(join(spool.folder, 'refused.jsonl'));
		refused.keep(record.line);
		counts.refused++;
		onTrouble({ what: 'refused', error, record });
	};
	// Halved until the one that is refused stands alone: the others must not wait for it for ever.
	const deliver = async (records: readonly AuditRecord[]): Promise<void> => {
		const [first] = records;
		if (first === undefined) return;
		try {
			await ship(records, signal);
			counts.shipped += records.length;
		} catch (error) {
			if (signal.aborted || (error as { code?: unknown } | undefined)?.code === 'PC_STORE_UNAVAILABLE') throw error;
			const half = records.length >> 1;
			if (half > 0) {
				await deliver(records.slice(0, half));
				return deliver(records.slice(half));
			}
			setAside(first, error);
		}
		for (const { line } of records) done.add(line);
	};

	return {
		async shipNext() {
			const batch = await spool.read(BATCH_BYTES, BATCH_RECORDS);
			if (batch === undefined) return false;
			const records = batch.records.flatMap((line) => parseAuditRecord(line) ?? []);
			await deliver(records.filter(({ line }) => !done.has(line)));
			await spool.acknowledge(batch.position);
			done.clear();
			const unreadable = batch.torn + batch.records.length - records.length;
			counts.unreadable += unreadable;
			if (unreadable > 0) onTrouble({ what: 'unreadable', count: unreadable });
			return true;
		},
		counts: () => ({ ...counts }),
		close: () => refused?.close(),
	};
}
