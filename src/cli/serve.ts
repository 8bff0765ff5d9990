import { existsSync } from 'node:fs';
import { type App, createApp } from '../app.ts';
import { childVariables, type Environment, SETTINGS } from '../config/environment.ts';
import { readListeners } from '../config/read-listeners.ts';
import { readSecretStores } from '../config/read-secret-stores.ts';
import { createSnapshotSource, type FileSnapshotSource } from '../config/snapshot-source.ts';
import { openExternalSources } from '../credentials/external/open-external.ts';
import { openKeys } from '../credentials/keys/open-keys.ts';
import { createSealing } from '../credentials/sealing/create-sealing.ts';
import { createLog, type Log } from '../observe/log.ts';
import { openConfiguration } from '../store/configuration.ts';
import { lockFolder } from '../store/folder-lock.ts';
import { openStore } from '../store/open-store.ts';
import type { Serving } from './command.ts';
import { databaseUrls } from './database-urls.ts';
import { localUrl, removeGatewayFile, writeGatewayFile } from './gateway-file.ts';
import { nextSignal } from './next-signal.ts';
import { openLimiting } from './open-limiting.ts';
import { openPrograms } from './open-programs.ts';
import { openSpool } from './open-spool.ts';
import { createOpened, type Opened } from './opened.ts';

/** Runs the gateway until SIGTERM or SIGINT: store → configuration → app → listen → signal → drain. */
export async function serve(environment: Environment, env: NodeJS.ProcessEnv): Promise<Serving> {
	const log = createLog(environment.logLevel);
	const opened = createOpened();
	try {
		return await open(environment, { env, log, opened });
	} catch (error) {
		await opened.close();
		throw error;
	}
}

interface Around {
	readonly env: NodeJS.ProcessEnv;
	readonly log: Log;
	readonly opened: Opened;
}

async function open(environment: Environment, { env, log, opened }: Around): Promise<Serving> {
	// Before anything is started: a faulty file is told at once, and harms nothing.
	const listeners = readListeners(environment.listenersFile, env);
	const stores = readSecretStores(environment.secretStoresFile, env);
	const source = await openFile(environment.configFile, { env, log });
	if (source !== undefined) opened.add(source.close);
	const lock = lockFolder(environment.dataFolder);
	opened.add(lock.release);
	const store = await openStore({ urls: databaseUrls(environment), dataFolder: environment.dataFolder, log });
	opened.add(store.close);
	// Before anything reads a secret, and before anybody is served: a key that is not the one must not be found out later.
	const keys = await openKeys({ environment, stores, store: store.store });
	opened.add(keys.close);
	const file = source && { path: environment.configFile, source };
	const configuration = await openConfiguration({ opened: store, file, env, log });
	opened.add(configuration.close);
	const audit = openSpool(environment, { store: store.store, log });
	opened.add(audit.close);
	const { snapshots } = configuration;
	const isStale = (): boolean => snapshots.ageMs() > environment.staleMs;
	const refresh = (): Promise<void> => snapshots.refresh().catch(() => undefined);
	const sources = openExternalSources(stores);
	opened.add(() => Promise.all(Array.from(sources.values(), (each) => each.close())));
	const managed = { store: store.store, refresh, sealing: createSealing(keys), sources };
	const limiting = await openLimiting(environment, { store: store.store, opened });
	const { jwksStaleMs, egressAllow } = environment;
	const parts = { snapshots, records: audit.records, managed, limiting, isStale, jwksStaleMs, egressAllow };
	const programs = openPrograms(environment, env);
	const app = createApp({ ...parts, listeners, childEnv: childVariables(env), programs, log });
	opened.add(app.close);
	onHangup(opened, () => void configuration.reload());
	const drainMs = (): number => snapshots.current().limits.drainMs;
	return listenUntilSignal(app, { environment, log, opened, drainMs });
}

function onHangup(opened: Opened, act: () => void): void {
	process.on('SIGHUP', act);
	opened.add(() => process.off('SIGHUP', act));
}

// Without a file of the usual name the store alone says what is configured; one that was named must be there.
async function openFile(path: string, { env, log }: Omit<Around, 'opened'>): Promise<FileSnapshotSource | undefined> {
	if (path === SETTINGS.configFile.default && !existsSync(path)) return undefined;
	return createSnapshotSource({
		file: path,
		env,
		onFaults: (error) => log.error(`configuration kept as it was:\n${error.message}`),
	});
}

interface Listening {
	readonly environment: Environment;
	readonly log: Log;
	readonly opened: Opened;
	drainMs(): number;
}

async function listenUntilSignal(app: App, { environment, log, opened, drainMs }: Listening): Promise<Serving> {
	const { front, operator, ports } = await app.listen({
		public: { host: environment.host, port: environment.port },
		operator: { host: environment.adminHost, port: environment.adminPort },
		trustedProxies: environment.trustedProxies,
	});
	onHangup(opened, () => front.reload((fault) => log.error(`certificate kept as it was: ${fault}`)));
	const { dataFolder, host } = environment;
	writeGatewayFile(dataFolder, { url: localUrl({ host, port: front.port }), pid: process.pid });
	opened.add(() => removeGatewayFile(dataFolder));
	const further = ports.size > 0 && { listeners: Object.fromEntries(ports) };
	log.info({ port: front.port, adminPort: operator.port, ...further }, 'listening');
	const stopped = nextSignal().then(async (signal) => {
		log.info({ signal }, 'draining');
		app.beginDrain();
		await front.drain(AbortSignal.timeout(drainMs()));
		await opened.close();
		await operator.drain(AbortSignal.abort());
		log.info('stopped');
	});
	return { port: front.port, stopped };
}
