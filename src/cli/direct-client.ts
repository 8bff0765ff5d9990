import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from '../app.ts';
import { childVariables, type Environment } from '../config/environment.ts';
import { readSecretStores } from '../config/read-secret-stores.ts';
import { openExternalSources } from '../credentials/external/open-external.ts';
import { openKeysOrNone } from '../credentials/keys/open-keys.ts';
import { createSealing } from '../credentials/sealing/create-sealing.ts';
import { createLog } from '../observe/log.ts';
import { openConfiguration } from '../store/configuration.ts';
import { lockFolder } from '../store/folder-lock.ts';
import { type OpenedStore, openStore } from '../store/open-store.ts';
import { type ApiClient, readAnswer } from './api-client.ts';
import { failed } from './command-error.ts';
import { databaseUrls } from './database-urls.ts';
import { openPrograms } from './open-programs.ts';
import { type OpenedSpool, openSpool } from './open-spool.ts';
import { createOpened, type Opened } from './opened.ts';
import type { Progress } from './progress.ts';

/** What the command line opens a store with. */
export interface DirectParts {
	readonly environment: Environment;
	readonly env: NodeJS.ProcessEnv;
	readonly progress: Progress;
}

/**
 * Asks the management API on the store itself, as the operator: on the database of the settings, else on that of the data
 * folder, which nobody else may be using. Its records are in the database before it is closed.
 */
export async function createDirectClient(parts: DirectParts): Promise<ApiClient> {
	const opened = createOpened();
	const ending = closeOnSignal(opened);
	opened.add(ending.forget);
	try {
		return await open(parts, opened);
	} catch (error) {
		await opened.close();
		throw error;
	}
}

async function open(parts: DirectParts, opened: Opened): Promise<ApiClient> {
	const { env, progress } = parts;
	const store = await openDatabase(parts, opened);
	const stores = readSecretStores(parts.environment.secretStoresFile, env);
	const keys = await openKeysOrNone({ environment: parts.environment, stores, store: store.store });
	opened.add(keys.close);
	progress.say('reading the configuration');
	const quiet = createLog('silent');
	const configuration = await openConfiguration({ opened: store, file: undefined, env, log: quiet });
	opened.add(configuration.close);
	const spool = openRecords(parts, store);
	let kept: string | undefined;
	opened.add(async () => {
		kept = await spool.end();
	});
	const { snapshots } = configuration;
	const refresh = (): Promise<void> => snapshots.refresh().catch(() => undefined);
	const sources = openExternalSources(stores);
	opened.add(() => Promise.all(Array.from(sources.values(), (each) => each.close())));
	const managed = { store: store.store, refresh, sealing: createSealing(keys), sources };
	const childEnv = childVariables(env);
	const programs = openPrograms(parts.environment, env);
	const app = createApp({ snapshots, records: spool.records, managed, childEnv, programs, log: quiet });
	opened.add(app.close);
	const plane = app.operatorApi();
	opened.add(plane.close);
	await plane.ready();
	return {
		caller: 'operator',
		async request({ method, path, body, headers }) {
			const answer = await plane.ask({
				method,
				url: `/api/v1${path}`,
				headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
				...(body !== undefined && { payload: JSON.stringify(body) }),
			});
			return readAnswer(answer, 'The store');
		},
		async close() {
			progress.say('closing');
			await opened.close();
			if (kept !== undefined) throw failed(`Audit records are not in the database yet; they wait in ${kept}.`);
		},
	};
}

async function openDatabase({ environment, progress }: DirectParts, opened: Opened): Promise<OpenedStore> {
	const { dataFolder } = environment;
	// A command never migrates a database that others work on; `migrate` does.
	const urls = { ...databaseUrls(environment), migrator: undefined };
	if (urls.app === undefined) {
		const isNew = !existsSync(join(dataFolder, 'postgres', 'data'));
		opened.add(lockFolder(dataFolder).release);
		progress.say(isNew ? `making a database in ${dataFolder}` : `starting the database in ${dataFolder}`);
	} else progress.say('connecting to the database');
	const store = await openStore({ urls, dataFolder, log: createLog('silent') });
	opened.add(store.close);
	return store;
}

type Records = Pick<OpenedSpool, 'records'> & {
	/** Ships what is left; says where records wait that could not be shipped. */
	end(): Promise<string | undefined>;
};

/** The spool of the data folder where that is ours, else one that lasts as long as the command. */
function openRecords({ environment }: DirectParts, { store, embedded }: OpenedStore): Records {
	const folder = embedded === undefined ? mkdtempSync(join(tmpdir(), 'portcullis-records-')) : environment.dataFolder;
	const { spoolBytes } = environment;
	const spool = openSpool({ dataFolder: folder, spoolBytes }, { store, log: createLog('error') });
	return {
		records: spool.records,
		async end() {
			const left = await spool.close();
			if (left === 'records') return folder;
			if (embedded === undefined) rmSync(folder, { recursive: true, force: true });
			return undefined;
		},
	};
}

// The database of the data folder is stopped in order, and its folder is free at once.
function closeOnSignal(opened: Opened): { forget(): void } {
	const end = (signal: NodeJS.Signals): void => {
		void opened.close().then(() => process.exit(signal === 'SIGINT' ? 130 : 143));
	};
	const signals = ['SIGINT', 'SIGTERM'] as const;
	for (const signal of signals) process.once(signal, end);
	return {
		forget() {
			for (const signal of signals) process.off(signal, end);
		},
	};
}
