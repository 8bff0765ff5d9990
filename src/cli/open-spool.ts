import { join } from 'node:path';
import type { RecordKeeper } from '../audit/file-record.ts';
import { createShipper, type Shipper, type ShipTrouble } from '../audit/ship-records.ts';
import { createSpool } from '../audit/spool.ts';
import { createStoreRecords } from '../audit/store-records.ts';
import type { Environment } from '../config/environment.ts';
import type { Log } from '../observe/log.ts';
import type { Store } from '../store/store.ts';

type SpoolSettings = Pick<Environment, 'dataFolder' | 'spoolBytes'>;

/** How long a stop waits for the last records to reach the database; what is left is shipped after the next start. */
const FLUSH_MS = 5_000;
const RETRY_MS = 250;

/** Where records are shipped, and who hears of trouble. */
export interface SpoolAround {
	readonly store: Store;
	readonly log: Log;
}

/** Where the audit goes, and what ends it after the last call. */
export interface OpenedSpool {
	readonly records: RecordKeeper;
	/** Ships what is left, for a few seconds; says whether anything still is. */
	close(): Promise<'nothing' | 'records'>;
}

/** Opens the spool of the data folder and ships its records to the store. Throws the system's error. */
export function openSpool({ dataFolder, spoolBytes }: SpoolSettings, { store, log }: SpoolAround): OpenedSpool {
	const spool = createSpool({ folder: join(dataFolder, 'spool'), limitBytes: spoolBytes, now: Date.now });
	if (spool.abandoned > 0) log.warn({ calls: spool.abandoned }, 'calls were cut off when the gateway last ended');
	const ship = createStoreRecords(store, (count) => log.info({ count }, 'records of workspaces that are gone'));
	const onTrouble = (trouble: ShipTrouble): void => tellTrouble(trouble, log);
	const shipper = createShipper({ spool, ship, onTrouble, retryMs: RETRY_MS });
	return {
		records: spool,
		async close() {
			const isEmpty = await endShipping(shipper);
			spool.close();
			return isEmpty ? 'nothing' : 'records';
		},
	};
}

async function endShipping(shipper: Shipper): Promise<boolean> {
	const isEmpty = await shipper.flush(AbortSignal.timeout(FLUSH_MS));
	await shipper.close();
	return isEmpty && shipper.counts().refused === 0;
}

// Never the error itself: the database quotes values of rows.
function tellTrouble(trouble: ShipTrouble, log: Log): void {
	if (trouble.what === 'unreadable') {
		log.warn({ count: trouble.count }, 'lines of the spool that are no records');
		return;
	}
	const { code } = trouble.error as { code?: unknown };
	if (trouble.what === 'delayed') log.warn({ code }, 'audit records wait for the database');
	else log.error({ code, request: trouble.record.request }, 'the database refuses an audit record; it is set aside');
}
