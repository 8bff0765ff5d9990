import { randomBytes, randomUUID } from 'node:crypto';
import type { RecordKeeper } from './audit/file-record.ts';
import { createGaps, type Gaps } from './audit/gaps.ts';
import { createTrails, type TrailOutcome } from './audit/trail.ts';
import type { Snapshot, SnapshotSource } from './config/snapshot.ts';
import { createAttachCredential } from './credentials/attach-credential.ts';
import { createDataPlane } from './edge/data-plane.ts';
import { type ListenAt, type Listener, listen } from './edge/listen.ts';
import { createOperatorHandler } from './edge/operator-handler.ts';
import { createPublicHandler } from './edge/public-handler.ts';
import { createAuthenticate } from './identity/authenticate.ts';
import { createFixedSealer } from './lib/fixed-seal.ts';
import { createSealer } from './lib/seal.ts';
import { createSessionIds } from './mcp/legacy/session.ts';
import { createRequestStates } from './mcp/modern/request-state.ts';
import { createTaskIds } from './mcp/modern/task-ids.ts';
import type { Log } from './observe/log.ts';
import { createMetrics, type Metrics } from './observe/metrics.ts';
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
	const seals = createSeals();
	const attach = createAttachCredential();
	const authenticator = createAuthenticate({ snapshots });
	const upstreams = createUpstreams({
		attach,
		sessionIds,
		seals,
		childEnv,
		log,
		metrics,
		mayUse: (principal, server, tool) => decide(principal, { server, effect: 'tool', tool }).allowed,
		listDeadlineMs: () => snapshots.current().limits.listDeadlineMs,
	});
	const isLossy = (workspaceId: string): boolean => isBestEffort(snapshots.current(), workspaceId);
	const gaps = createGaps({ records, now: Date.now, isLossy, onDropped: metrics.auditDropped });
	const onOutcome = (ended: TrailOutcome): void => tellOutcome(ended, { log, metrics });
	const resolveRoute = createResolveRoute({ snapshots, directory: upstreams.directory, sessions: sessionIds });
	let draining = false;
	const dataPlane = createDataPlane({
		snapshots,
		isDraining: () => draining,
		isStale,
		renew: authenticator.renew,
		stages: {
			openTrail: createTrails({ records, gaps, now: Date.now, onOutcome }),
			authenticate: authenticator.authenticate,
			resolveRoute,
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
		async listen(at: { readonly public: ListenAt; readonly operator: ListenAt }) {
			const front = await listen(at.public, createPublicHandler(dataPlane, snapshots));
			const view = { isReady: () => !draining && !isStale(), metrics: metrics.text };
			const operator = await listen(at.operator, createOperatorHandler(view)).catch((error) => giveUp(front, error));
			return { front, operator };
		},
		/** Refuses new calls from now on, and ends the streams that would not end by themselves. */
		beginDrain() {
			draining = true;
			dataPlane.endStreams();
		},
		/** Ends upstream sessions, child processes and connections; the last thing before exit. */
		async close() {
			await upstreams.close();
			authenticator.close();
			tellGaps(gaps, log);
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

// Asked only when a record cannot be kept.
function isBestEffort(snapshot: Snapshot, workspaceId: string): boolean {
	return [...snapshot.workspaces.values()].some(
		({ id, auditMode }) => id === workspaceId && auditMode === 'best-effort',
	);
}

function tellGaps(gaps: Gaps, log: Log): void {
	try {
		gaps.tell();
	} catch (error) {
		const { code } = error as { code?: unknown };
		log.error({ code }, 'the audit cannot be told of all records it goes without');
	}
}

// Half a gateway must not go on listening.
async function giveUp(front: Listener, error: unknown): Promise<never> {
	await front.drain(AbortSignal.abort());
	throw error;
}

function tellOutcome(ended: TrailOutcome, { log, metrics }: { readonly log: Log; readonly metrics: Metrics }): void {
	const { requestId, facts, outcome, code, stage, durationMs } = ended;
	metrics.call(outcome, stage ?? 'none', durationMs);
	const { address, method, workspace, server } = facts;
	const line = { request: requestId, outcome, code, address, method, workspace, server, durationMs };
	if (outcome === 'ok') log.debug(line, 'call');
	else log.info(line, 'call');
}
