import { randomBytes, randomUUID } from 'node:crypto';
import { type AdminPlaneParts, createAdminPlane } from './admin/admin-plane.ts';
import { ROUTES } from './admin/routes.ts';
import { createAudit } from './audit/create-audit.ts';
import type { RecordKeeper } from './audit/file-record.ts';
import type { SnapshotSource } from './config/snapshot.ts';
import { createAttachCredential } from './credentials/attach-credential.ts';
import { createDataPlane } from './edge/data-plane.ts';
import { type Both, type ListenAt, listenBoth } from './edge/listen.ts';
import { createOperatorHandler } from './edge/operator-handler.ts';
import { createPublicHandler } from './edge/public-handler.ts';
import { type Authenticator, createAuthenticate } from './identity/authenticate.ts';
import { createFixedSealer } from './lib/fixed-seal.ts';
import { createSealer } from './lib/seal.ts';
import { createSessionIds } from './mcp/legacy/session.ts';
import { createRequestStates } from './mcp/modern/request-state.ts';
import { createTaskIds } from './mcp/modern/task-ids.ts';
import type { Log } from './observe/log.ts';
import { createMetrics } from './observe/metrics.ts';
import { decide } from './policy/decide.ts';
import { decideRoute } from './policy/decide-route.ts';
import { createResolveRoute } from './router/resolve-route.ts';
import { createUpstreams } from './upstream/upstreams.ts';

/** What an app is made of. */
export interface AppParts {
	/** Whoever made it closes it after the app. */
	readonly snapshots: SnapshotSource;
	/** Where the audit goes; whoever made it closes it after the app. */
	readonly records: RecordKeeper;
	/** Whether the snapshot is too old to judge anybody by; never, unless told. */
	readonly isStale?: () => boolean;
	/** Harmless variables of our environment for stdio children. */
	readonly childEnv: Readonly<Record<string, string>>;
	readonly log: Log;
}

/** The assembled gateway. */
export type App = ReturnType<typeof createApp>;

/** Composition root: the only place that knows every folder. Nothing listens and nothing is spawned yet. */
export function createApp({ snapshots, records, childEnv, log, isStale = () => false }: AppParts) {
	const metrics = createMetrics({ openSessions: () => upstreams.openSessions() });
	const sessionIds = createSessionIds(createSealer(randomBytes(32), 'mcp-session'));
	const attach = createAttachCredential();
	const authenticator = createAuthenticate({ snapshots });
	const upstreams = createUpstreams({
		attach,
		sessionIds,
		seals: createSeals(),
		childEnv,
		log,
		metrics,
		mayUse: (principal, server, tool) => decide(principal, { server, effect: 'tool', tool }).allowed,
		listDeadlineMs: () => snapshots.current().limits.listDeadlineMs,
	});
	const audit = createAudit({ snapshots, records, log, metrics });
	let draining = false;
	const shared = { snapshots, isDraining: () => draining, isStale };
	const admin = createAdmin({ ...shared, openTrail: audit.openTrail }, authenticator);
	const dataPlane = createDataPlane({
		...shared,
		renew: authenticator.renew,
		stages: {
			openTrail: audit.openTrail,
			authenticate: authenticator.authenticate,
			resolveRoute: createResolveRoute({ snapshots, directory: upstreams.directory, sessions: sessionIds }),
			decide: decideRoute,
			attachCredential: (principal, route) => ('server' in route ? attach(principal, route.server) : undefined),
			forward: upstreams.forward,
		},
	});
	snapshots.onChange((next) => upstreams.retire(next));
	return {
		authenticator,
		directory: upstreams.directory,
		serverState: upstreams.stateOf,
		async listen(at: Both<ListenAt>) {
			await admin.ready();
			return listenBoth(at, {
				public: createPublicHandler({ data: dataPlane, admin }, snapshots),
				operator: createOperatorHandler({ isReady: () => !draining && !isStale(), metrics: metrics.text }),
			});
		},
		reopen: audit.reopen,
		/** Refuses new calls from now on, and ends the streams that would not end by themselves. */
		beginDrain() {
			draining = true;
			dataPlane.endStreams();
		},
		/** Ends upstream sessions, child processes and connections; the last thing before exit. */
		async close() {
			await admin.close();
			await upstreams.close();
			authenticator.close();
			audit.tellGaps();
		},
	};
}

// The keys live as long as the process: after a restart clients begin anew.
function createSeals() {
	const node = randomUUID();
	return {
		states: createRequestStates({ sealer: createSealer(randomBytes(32), 'mcp-request-state'), node }),
		tasks: createTaskIds(createFixedSealer(randomBytes(32), 'mcp-task')),
	};
}

/** The management API, for whoever has a token. */
function createAdmin(shared: Omit<AdminPlaneParts, 'routes' | 'callerOf'>, { authenticate }: Authenticator) {
	return createAdminPlane({
		...shared,
		routes: ROUTES,
		callerOf: async (rawHeaders) => ({ kind: 'principal', principal: await authenticate(rawHeaders) }),
	});
}
