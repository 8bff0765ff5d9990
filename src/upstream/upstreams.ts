import { isUsable } from '../config/is-usable.ts';
import type { NetworkTransport, OpenApiTransport, Server, Snapshot } from '../config/snapshot.ts';
import type { AttachCredential, Credentials } from '../credentials/attach-credential.ts';
import type { Principal } from '../identity/principal.ts';
import type { Egress } from '../lib/egress/create-egress.ts';
import type { ScopeKey } from '../lib/scope.ts';
import type { SessionIds } from '../mcp/legacy/session.ts';
import type { LogLevel } from '../mcp/log-levels.ts';
import { restoreCall } from '../mcp/modern/restore-call.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { redact } from '../observe/redact.ts';
import type { Subject } from '../policy/decide.ts';
import type { CatalogItem, ServerQuery, UpstreamDirectory } from '../router/catalog.ts';
import { createClientSessions } from './client-sessions.ts';
import { createForward, type Forward } from './forward.ts';
import { createHeldState, type HeldState } from './held-state.ts';
import { openHttpWire } from './http-wire.ts';
import type { UpstreamInfo } from './open-session.ts';
import { createDocuments, type Documents } from './openapi/documents.ts';
import { openOpenApiWire } from './openapi-wire.ts';
import { createParkedCalls } from './parked-calls.ts';
import { createPools, type Pools } from './pools.ts';
import type { RawSeals } from './raw-text.ts';
import { createServerStates, type ServerState } from './server-states.ts';
import type { Session } from './session-entries.ts';
import type { SessionParts } from './sessions.ts';
import { openSseWire } from './sse-wire.ts';
import { createStamp, createTripwire, type Tripwire } from './stamp.ts';
import { type ProgramParts, programOf, type StdioTarget } from './stdio-program.ts';
import { openStdioWire } from './stdio-wire.ts';
import type { Target } from './target.ts';
import type { Wire, WireEvents } from './wire.ts';

/** A tool that may be listed. */
export type ListedTool = Omit<Subject, 'effect' | 'tool'> & { readonly tool: CatalogItem };

/** What the upstream side is made with. */
export interface UpstreamsParts {
	readonly credentials: Credentials;
	readonly sessionIds: SessionIds;
	/** What seals the states and task ids that servers give out. */
	readonly seals: RawSeals;
	readonly childEnv: Readonly<Record<string, string>>;
	/** Programs of the runtime folder; without it none of them runs. */
	readonly programs?: ProgramParts | undefined;
	/** The way to addresses that documents of services are at. */
	readonly egress: Egress;
	readonly log: Log;
	readonly metrics: Metrics;
	/** Whether the principal may use the tool; the same function that judges calls. */
	mayUse(principal: Principal, subject: ListedTool): boolean;
	listDeadlineMs(): number;
}

/** Everything behind the pipeline's last stage. */
export interface Upstreams {
	readonly forward: Forward;
	readonly directory: UpstreamDirectory;
	/** What a server last said of itself to this principal's sessions; asks it only where it never said anything. */
	infoOf(query: ServerQuery): Promise<UpstreamInfo>;
	openSessions(): number;
	/** What is known of a server of the current snapshot; opens nothing. */
	stateOf(server: Server): ServerState;
	/** Lets go of everything that belongs to servers the new snapshot does not have, or has changed. */
	retire(next: Snapshot): void;
	close(): Promise<void>;
}

/** Assembles pools, sessions, cached lists and the forward stage. */
export function createUpstreams(parts: UpstreamsParts): Upstreams {
	const { credentials, sessionIds } = parts;
	const { attach } = credentials;
	const pools = createPools();
	const documents = createDocuments();
	const clients = createClientSessions();
	const parked = createParkedCalls();
	const tripwire = toldTripwire(parts);
	const openWire: SessionParts['openWire'] = (target, events, way) =>
		openWireFor(target, events, { ...parts, pools, documents, tripwire, way });
	const states = createServerStates();
	const state = createHeldState({ openWire, sessionIds, states });
	const { sessions, catalog, changes, watches, subscriptions } = state;
	const onListChanged = (key: ScopeKey, method: string): void => catalog.invalidate(key, method);
	const directory = createDirectory(parts, state);
	const forward = createForward({
		raw: { pools, sessions: sessionIds, tripwire, onListChanged, ...parts.seals },
		held: { sessions, clients, parked, ...parts.seals, tripwire, setLevel: createSetLevel() },
		list: {
			directory,
			mayUse: ({ principal, route }, server, tool) => parts.mayUse(principal, { server, tool, toolset: route.toolset }),
			listDeadlineMs: parts.listDeadlineMs,
		},
		local: { sessions, clients, subscriptions, sessionIds, attach },
		states,
		changes: { sessions, changes, watches, subscriptions, attach, deadlineMs: parts.listDeadlineMs },
	});
	return {
		forward,
		directory,
		infoOf: async (query) => sessions.infoOf(await targetOf(attach, query)),
		stateOf: states.of,
		openSessions: () => sessions.size,
		retire(next) {
			const isKept = keeperFor(next);
			for (const each of [credentials, parked, state, pools, documents]) each.retire(isKept);
			states.retire(next);
		},
		async close() {
			await parked.close();
			await state.close();
			await pools.close();
		},
	};
}

function toldTripwire({ metrics, log }: UpstreamsParts): Tripwire {
	return createTripwire({
		trip() {
			metrics.trip();
			log.error('an answer met a request it does not belong to and was dropped');
		},
		misdirected(server) {
			metrics.misdirected();
			log.warn({ server }, 'an upstream answered with an id nobody waits for');
		},
	});
}

function createDirectory({ credentials, seals }: UpstreamsParts, { sessions, catalog }: HeldState): UpstreamDirectory {
	// What is refused is refused the same way whether the credential was at hand or not.
	const withTarget = <T>(query: ServerQuery, ask: (target: Target) => T | Promise<T>): T | Promise<T> => {
		let target: Target | Promise<Target>;
		try {
			target = targetOf(credentials.attach, query);
		} catch (error) {
			return Promise.reject(error);
		}
		return target instanceof Promise ? target.then(ask) : ask(target);
	};
	return {
		list: ({ kind, profile, signal, ...query }) =>
			withTarget(query, (target) => catalog.list({ target, kind, profile, signal })),
		listAgain: async ({ kind, profile, signal, ...query }) =>
			withTarget(query, (target) => catalog.listAgain({ target, kind, profile, signal })),
		spokenBy: (query) => withTarget(query, sessions.spokenBy),
		restore({ principal, server }, call) {
			const owner = { principal: principal.key, scope: credentials.identify(principal, server).key };
			return restoreCall(seals, call, owner);
		},
	};
}

function targetOf(attach: AttachCredential, { principal, server }: ServerQuery): Target | Promise<Target> {
	const credential = attach(principal, server);
	return credential instanceof Promise
		? credential.then((opened) => ({ server, credential: opened }))
		: { server, credential };
}

interface WireParts extends UpstreamsParts {
	readonly pools: Pools;
	readonly documents: Documents;
	readonly tripwire: Tripwire;
	readonly way: Wire['way'];
}

async function openWireFor(target: Target, events: WireEvents, parts: WireParts): Promise<Wire> {
	const { server, credential } = target;
	const { transport } = server;
	const misdirected = (): void => parts.tripwire.misdirected(server);
	if (transport.kind === 'stdio') {
		return openStdioWire({
			server,
			program: await programOf(target as StdioTarget, parts.childEnv, parts.programs),
			events,
			misdirected,
			onNoise() {
				const about = { workspace: server.workspace, server: server.slug };
				parts.log.warn(about, 'a server prints to stdout what is no message; it is skipped');
			},
			onChildExit: (exit, tail, noise) => logExit(parts.log, target, { exit, tail, noise }),
		});
	}
	if (transport.kind === 'openapi') {
		const service = server as Server & { readonly transport: OpenApiTransport };
		const { pool } = parts.pools.poolFor(service, credential);
		const { documents, egress } = parts;
		const credentialHeaders = credential.headers;
		return openOpenApiWire({ server: service, pool, credentialHeaders, egress, documents, scope: credential.key });
	}
	const network = server as Server & { readonly transport: NetworkTransport };
	const { pool, url } = parts.pools.poolFor(network, credential);
	const wire = {
		server: network,
		url,
		pool,
		credentialHeaders: credential.headers,
		refused: credential.refused,
		events,
		misdirected,
	};
	return parts.way === 'sse' ? openSseWire(wire) : openHttpWire(wire);
}

function logExit(
	log: Log,
	{ server, credential }: Target,
	end: { exit: { kind: string; detail: string }; tail: string; noise: number },
): void {
	// Redacted as a whole, then cut: a cut through a secret would leave half of it.
	const stderr = redact(end.tail, Object.values(credential.env)).slice(-2_000);
	const noise = end.noise > 0 && { noiseLines: end.noise };
	log.info({ workspace: server.workspace, server: server.slug, ...end.exit, ...noise, stderr }, 'child ended');
}

// Server, revision and credential decide whether the state of a scope may live on.
function keeperFor(next: Snapshot): (key: ScopeKey) => boolean {
	const kept = new Set(Array.from(next.credentials.values(), ({ id, version }) => `#${id}:${version}`));
	return (key) => {
		const [workspace, slug, revision, credential] = JSON.parse(key) as [string, string, string, string];
		const server = next.workspaces.get(workspace)?.servers.get(slug);
		if (server?.revision !== revision || !isUsable(server)) return false;
		const mark = credential.indexOf('#');
		return mark === -1 || kept.has(credential.slice(mark));
	};
}

/**
 * Raises a legacy upstream's verbosity, in the session of the call, to what the keenest caller there asked for; each
 * call still gets only what it asked for.
 */
function createSetLevel(): (session: Session, level: LogLevel, server: Server) => Promise<void> {
	const asked = new WeakMap<Session, Set<LogLevel>>();
	return async (session, level, server) => {
		const known = asked.get(session) ?? new Set<LogLevel>();
		asked.set(session, known);
		const canLog = session.info.era === 'legacy' && session.info.capabilities['logging'] !== undefined;
		if (!canLog || known.has(level)) return;
		known.add(level);
		const params = JSON.stringify({ level });
		const stamp = createStamp(server.workspace, server.slug, 'gateway');
		const signal = AbortSignal.timeout(2_000);
		await session
			.request({ method: 'logging/setLevel', paramsFor: () => params, headers: {}, stamp, signal })
			.catch(() => undefined);
	};
}
