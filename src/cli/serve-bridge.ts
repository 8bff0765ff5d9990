import { type App, createApp } from '../app.ts';
import { createFileRecord, type RecordKeeper } from '../audit/file-record.ts';
import { createNoRecord } from '../audit/no-record.ts';
import { pathOfServer } from '../bridge/bridge-address.ts';
import { createBridgeAuthenticator, HOLDER } from '../bridge/bridge-authenticator.ts';
import { createBridgeFront, type FrontSettings } from '../bridge/bridge-front.ts';
import type { BridgeParts } from '../bridge/bridge-parts.ts';
import { readingOf, readServers, type ServersReading } from '../bridge/read-servers.ts';
import type { ClientServer } from '../config/client-config.ts';
import { createFollowedSource, type FollowedSource } from '../config/followed-source.ts';
import type { Snapshot } from '../config/snapshot.ts';
import type { ListenAt } from '../edge/listen.ts';
import { toPortcullisError } from '../errors/portcullis-error.ts';
import { createLog, type Log } from '../observe/log.ts';
import { openViewerPage } from '../openapi/open-viewer.ts';
import { VIEWER_FOLDER } from '../openapi/viewer.ts';
import type { Serving } from './command.ts';
import { nextSignal } from './next-signal.ts';
import { createOpened, type Opened } from './opened.ts';

/** What a bridge is run with. */
export interface BridgeSettings extends FrontSettings {
	readonly listen: ListenAt;
	/** Where health and metrics are told; nowhere, where it is absent. */
	readonly operator: ListenAt | undefined;
	readonly servers: BridgeServers;
	/** Variables that programs get besides their own: those that may be secret, and the others. */
	readonly variables: { readonly secret: Variables; readonly plain: Variables };
	/** Whether documents and answers lose what mcpo loses. */
	readonly mcpo: 'fixed' | 'strict';
	readonly auditFile: string | undefined;
	readonly logLevel: string;
	/** What should be known of these settings, in a sentence each. */
	readonly warnings: readonly string[];
}

type Variables = Readonly<Record<string, string>>;

/** One server, or a file that names some. */
export type BridgeServers =
	| { readonly kind: 'one'; readonly server: ClientServer }
	| { readonly kind: 'file'; readonly file: string; readonly isFollowed: boolean };

/** Runs a bridge until SIGTERM or SIGINT: no database, no people, one workspace. */
export async function serveBridge(settings: BridgeSettings): Promise<Serving> {
	const log = createLog(settings.logLevel);
	for (const warning of settings.warnings) log.warn(warning);
	const opened = createOpened();
	try {
		return await open(settings, { log, opened });
	} catch (error) {
		await opened.close();
		throw error;
	}
}

interface Around {
	readonly log: Log;
	readonly opened: Opened;
}

async function open(settings: BridgeSettings, { log, opened }: Around): Promise<Serving> {
	const source = await openServers(settings, log);
	opened.add(source.close);
	const records = settings.auditFile === undefined ? createNoRecord() : createFileRecord(settings.auditFile);
	opened.add(records.close);
	const bridge = bridgeOf(settings, source, log);
	const app = createApp({ snapshots: source, records, childEnv: settings.variables.plain, log, bridge });
	opened.add(app.close);
	const { front, operator } = await app.listen({ public: settings.listen, operator: settings.operator });
	onHangup(opened, () => {
		front.reload((fault) => log.error(`certificate kept as it was: ${fault}`));
		void reloadAll(source, records, log);
	});
	log.info({ port: front.port, ...(settings.operator && { adminPort: operator.port }) }, 'listening');
	tryServers(app, source.current(), log);
	source.onChange((next, previous) => tryServers(app, next, log, previous));
	const stopped = nextSignal().then(async (signal) => {
		log.info({ signal }, 'draining');
		app.beginDrain();
		await front.drain(AbortSignal.timeout(source.current().limits.drainMs));
		await opened.close();
		await operator.drain(AbortSignal.abort());
		log.info('stopped');
	});
	return { port: front.port, stopped };
}

type Source = FollowedSource<ServersReading>;

async function openServers({ servers, variables, mcpo }: BridgeSettings, log: Log): Promise<Source> {
	const options = { env: variables.secret, mcpo };
	if (servers.kind === 'one') return still(readingOf([servers.server], { ...options, version: 1 }));
	const source = await createFollowedSource({
		file: servers.file,
		isFollowed: servers.isFollowed,
		read: (version) => readServers(servers.file, { ...options, version }),
		onFaults: (error) => log.error(`servers kept as they were: ${error.message}`),
	});
	const tellNotes = (): void => {
		for (const note of source.reading().notes) log.warn(note);
	};
	tellNotes();
	source.onChange(tellNotes);
	return source;
}

/** A source of what never changes. */
function still(reading: ServersReading): Source {
	return {
		current: () => reading.snapshot,
		onChange: () => undefined,
		reading: () => reading,
		reload: () => Promise.resolve(false),
		close: () => undefined,
	};
}

function bridgeOf(settings: BridgeSettings, source: Source, log: Log): BridgeParts {
	const slugs = (): ReadonlyMap<string, string> => source.reading().slugs;
	const nameOf = (slug: string): string => [...slugs()].find(([, each]) => each === slug)?.[0] ?? slug;
	return {
		authenticator: createBridgeAuthenticator(settings.key),
		showing: {
			pathBelow: (address) => (address.kind === 'server' ? pathOfServer(settings.layout, nameOf(address.server)) : ''),
			isProtected: settings.key.digest !== undefined,
			page: openViewerPage(VIEWER_FOLDER),
		},
		front: (planes) => createBridgeFront({ settings, slugs, log }, planes),
	};
}

async function reloadAll(source: Source, records: RecordKeeper, log: Log): Promise<void> {
	await source.reload();
	try {
		records.reopen();
	} catch (error) {
		log.error({ code: (error as { code?: unknown }).code }, 'the audit file cannot be opened anew');
	}
}

function onHangup(opened: Opened, act: () => void): void {
	process.on('SIGHUP', act);
	opened.add(() => process.off('SIGHUP', act));
}

// As mcpo, which connects to each server when it starts, and says which of them answered. Nobody waits for it.
function tryServers({ directory }: App, { workspaces }: Snapshot, log: Log, before?: Snapshot): void {
	const known = new Set(
		[...(before?.workspaces.values() ?? [])]
			.flatMap(({ servers }) => [...servers.values()])
			.map(({ revision }) => revision),
	);
	for (const server of [...workspaces.values()].flatMap(({ servers }) => [...servers.values()])) {
		if (known.has(server.revision)) continue;
		Promise.resolve()
			.then(() => directory.list({ principal: HOLDER, server, kind: 'tools', profile: '{}' }))
			.then(
				({ items }) => log.info({ server: server.title, tools: items.length }, 'connected'),
				(error: unknown) =>
					log.warn({ server: server.title, code: toPortcullisError(error).code }, 'cannot be reached'),
			);
	}
}
