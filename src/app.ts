import { randomBytes, randomUUID } from 'node:crypto';
import { createAdmin, createCallerOf } from './admin/create-admin.ts';
import type { ResourceParts } from './admin/resource-parts.ts';
import { createRunCall } from './admin/run-call.ts';
import { type Audit, createAudit } from './audit/create-audit.ts';
import type { RecordKeeper } from './audit/file-record.ts';
import type { SnapshotSource } from './config/snapshot.ts';
import { type AttachCredential, createAttachCredential } from './credentials/attach-credential.ts';
import { clientForm } from './credentials/client-form.ts';
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
import type { Stages } from './pipeline.ts';
import { decide } from './policy/decide.ts';
import { decideRoute } from './policy/decide-route.ts';
import { checkMirroredHeaders } from './router/check-mirrored-headers.ts';
import { createResolveRoute, type ResolveRoute } from './router/resolve-route.ts';
import type { Store } from './store/store.ts';
import { createUpstreams, type Upstreams } from './upstream/upstreams.ts';

/** What an app is made of. */
export interface AppParts {
	/** Whoever made it closes it after the app. */
	readonly snapshots: SnapshotSource;
	/** Where the audit goes; whoever made it closes it after the app. */
	readonly records: RecordKeeper;
	/** Where the management API finds what it manages; without it there is nothing to manage. */
	readonly managed?: { readonly store: Store; readonly refresh: () => Promise<void> };
	/** Whether the snapshot is too old to judge anybody by; never, unless told. */
	readonly isStale?: () => boolean;
	/** How long keys of a directory that gives no others are trusted, milliseconds; a day, unless told. */
	readonly jwksStaleMs?: number;
	/** Harmless variables of our environment for stdio children. */
	readonly childEnv: Readonly<Record<string, string>>;
	readonly log: Log;
}

/** The assembled gateway. */
export type App = ReturnType<typeof createApp>;

/** Composition root: the only place that knows every folder. Nothing listens and nothing is spawned yet. */
export function createApp(parts: AppParts) {
	const { snapshots, records, managed, childEnv, log, isStale = () => false } = parts;
	const metrics = createMetrics({ openSessions: () => upstreams.openSessions() });
	const sessionIds = createSessionIds(createSealer(randomBytes(32), 'mcp-session'));
	const attach = createAttachCredential();
	const authenticator = createAuthenticate({ snapshots, clientForm, jwksTimes: jwksTimesOf(parts) });
	const upstreams = createUpstreams({
		attach,
		sessionIds,
		seals: createSeals(),
		childEnv,
		log,
		metrics,
		mayUse: (principal, subject) => decide(principal, { ...subject, effect: 'tool' }).allowed,
		listDeadlineMs: () => snapshots.current().limits.listDeadlineMs,
	});
	const { directory, stateOf: serverState } = upstreams;
	const audit = createAudit({ snapshots, records, log, metrics });
	const resolveRoute = createResolveRoute({ snapshots, directory, sessions: sessionIds });
	const stages = createStages({ audit, authenticator, resolveRoute, attach, upstreams });
	let draining = false;
	const shared = { snapshots, openTrail: stages.openTrail, isDraining: () => draining, isStale };
	const credentialOf: ResourceParts['credentialOf'] = (principal, server) => attach(principal, server).id;
	const known = { current: snapshots.current, directory, credentialOf, serverState, runCall: createRunCall(stages) };
	const adminFor = createAdmin(shared, managed && { ...known, ...managed });
	const admin = adminFor(createCallerOf(authenticator));
	const dataPlane = createDataPlane({ ...shared, renew: authenticator.renew, stages });
	snapshots.onChange((next) => upstreams.retire(next));
	return {
		authenticator,
		directory,
		serverState,
		/** The management API for the operator, who asks from within this process. */
		operatorApi: () => adminFor(() => ({ kind: 'operator' })),
		async listen(at: Both<ListenAt>) {
			await admin.ready();
			return listenBoth(at, {
				public: createPublicHandler({ data: dataPlane, admin }, snapshots),
				operator: createOperatorHandler({ isReady: () => !draining && !isStale(), metrics: metrics.text }),
			});
		},
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

function jwksTimesOf({ jwksStaleMs }: AppParts) {
	return jwksStaleMs === undefined ? {} : { staleAfterMs: jwksStaleMs };
}

interface StageParts {
	readonly audit: Audit;
	readonly authenticator: Authenticator;
	readonly resolveRoute: ResolveRoute;
	readonly attach: AttachCredential;
	readonly upstreams: Upstreams;
}

function createStages({ audit, authenticator, resolveRoute, attach, upstreams }: StageParts): Stages {
	return {
		openTrail: audit.openTrail,
		authenticate: authenticator.authenticate,
		resolveRoute,
		decide(principal, route, call) {
			const decision = decideRoute(principal, route, call);
			if (decision.allowed) checkMirroredHeaders(route, call);
			return decision;
		},
		attachCredential: (principal, route) => ('server' in route ? attach(principal, route.server) : undefined),
		forward: upstreams.forward,
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
