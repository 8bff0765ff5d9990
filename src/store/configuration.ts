import { dirname } from 'node:path';
import type { JsonObject } from '../config/declared.ts';
import { declaredOf } from '../config/declared-file.ts';
import { readSecretFile, type SecretLookup } from '../config/secret-template.ts';
import type { FileSnapshotSource } from '../config/snapshot-source.ts';
import type { Log } from '../observe/log.ts';
import { applyConfig } from './apply-config.ts';
import { type Following, followChanges } from './follow-changes.ts';
import type { OpenedStore } from './open-store.ts';
import { createStoredSnapshots, type StoredSnapshots } from './snapshots.ts';

/** What the configuration of a gateway comes from. */
export interface ConfigurationParts {
	readonly opened: Pick<OpenedStore, 'store' | 'listenAt'>;
	/** The file the gateway was started with; what it declares is its own in the store. */
	readonly file: { readonly path: string; readonly source: FileSnapshotSource } | undefined;
	/** Where `${env:NAME}` is looked up. */
	readonly env: NodeJS.ProcessEnv;
	readonly log: Log;
}

/** The configuration in force, followed until it is closed. */
export interface Configuration {
	readonly snapshots: StoredSnapshots;
	/** Reads file, store and secrets again; what cannot be read is told to the log and stays as it was. */
	reload(): Promise<void>;
	close(): Promise<void>;
}

/** Puts the file into the store, builds the first snapshot and follows both. Throws PC_STORE_UNAVAILABLE. */
export async function openConfiguration(parts: ConfigurationParts): Promise<Configuration> {
	const { opened, file, env, log } = parts;
	const { store } = opened;
	await applyFile(parts);
	const folder = file === undefined ? '.' : dirname(file.path);
	const lookup = (): SecretLookup => ({ folder, env, readSecretFile, references: new Map() });
	const snapshots = await createStoredSnapshots({
		store,
		lookup,
		onSwapped: ({ version }) => log.info({ version }, 'configuration swapped'),
		onFaults: (workspace, faults) =>
			log.error({ workspace, faults }, 'a part of the configuration cannot be used here'),
		onTrouble: (error) => log.error({ err: error }, 'a change of the configuration was not taken up everywhere'),
	});
	const taking = createTaking(parts, snapshots);
	const following = followChanges({
		connection: opened.listenAt,
		async look() {
			await snapshots.refresh();
			await taking.takeOwed();
		},
		onReach: (reach) => tellReach(log, reach),
	});
	// The file's secrets may be new even where its text is not.
	file?.source.onChange(() => void taking.take());
	return {
		snapshots,
		async reload() {
			const swapped = await file?.source.reload();
			if (swapped !== true) await taking.take();
		},
		close: () => closeBoth(file?.source, following),
	};
}

async function closeBoth(source: FileSnapshotSource | undefined, following: Following): Promise<void> {
	source?.close();
	await following.close();
}

function tellReach(log: Log, reach: 'lost' | 'found'): void {
	if (reach === 'found') log.info('the database is back');
	else log.error('the database is gone; calls go on by the last configuration');
}

interface Taking {
	/** Puts the file into the store and reads everything anew; what keeps it from that is told to the log. */
	take(): Promise<void>;
	/** Does what could not be done for want of the database. */
	takeOwed(): Promise<void>;
}

function createTaking(parts: ConfigurationParts, snapshots: StoredSnapshots): Taking {
	let isOwed = false;
	const take = async (): Promise<void> => {
		isOwed = false;
		try {
			await applyFile(parts);
			await snapshots.reload();
		} catch (error) {
			const { code } = error as { code?: unknown };
			isOwed = code === 'PC_STORE_UNAVAILABLE';
			parts.log.error({ code }, 'the configuration stays as it was');
		}
	};
	return { take, takeOwed: () => (isOwed ? take() : Promise.resolve()) };
}

async function applyFile({ opened, file, log }: ConfigurationParts): Promise<void> {
	if (file === undefined) return;
	const wanted = declaredOf(file.source.declared() as JsonObject);
	const wish = { wanted, actor: 'gateway', managedBy: 'file', prune: 'own', takesOver: 'nothing' } as const;
	const { changes } = await applyConfig(opened.store, wish);
	if (changes.length > 0) log.info({ changes: changes.length }, 'the configuration file was put into the store');
}
