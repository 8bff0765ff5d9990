import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createFileRecord, type RecordKeeper } from './audit/file-record.ts';
import { createTrails, type TrailOutcome } from './audit/trail.ts';
import type { FileSnapshotSource } from './config/snapshot-source.ts';
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
	readonly snapshots: FileSnapshotSource;
	/** Folder for what the gateway writes. */
	readonly dataFolder: string;
	/** Harmless variables of our environment for stdio children. */
	readonly childEnv: Readonly<Record<string, string>>;
	readonly log: Log;
}

/** The assembled gateway. */
export type App = ReturnType<typeof createApp>;

/** Composition root: the only place that knows every folder. Nothing listens and nothing is spawned yet. */
export function createApp({ snapshots, dataFolder, childEnv, log }: AppParts) {
	const records = createFileRecord(join(dataFolder, 'audit.jsonl'));
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
		mayUse: (principal, subject) => decide(principal, { ...subject, effect: 'tool' }).allowed,
		listDeadlineMs: () => snapshots.current().limits.listDeadlineMs,
	});
	const resolveRoute = createResolveRoute({ snapshots, directory: upstreams.directory, sessions: sessionIds });
	let draining = false;
	const dataPlane = createDataPlane({
		snapshots,
		isDraining: () => draining,
		renew: authenticator.renew,
		stages: {
			openTrail: createTrails({ records, now: Date.now, onOutcome: (ended) => tellOutcome(ended, { log, metrics }) }),
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
			const view = { isReady: () => !draining, metrics: metrics.text };
			const operator = await listen(at.operator, createOperatorHandler(view)).catch((error) => giveUp(front, error));
			return { front, operator };
		},
		/** Makes the audit file follow a rotation; where that fails, the record goes on in the old one. */
		reopen: () => reopenRecords(records, log),
		/** Refuses new calls from now on, and ends the streams that would not end by themselves. */
		beginDrain() {
			draining = true;
			dataPlane.endStreams();
		},
		/** Ends upstream sessions, child processes and connections; the last thing before exit. */
		async close() {
			snapshots.close();
			await upstreams.close();
			authenticator.close();
			records.close();
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

function reopenRecords(records: RecordKeeper, log: Log): void {
	try {
		records.reopen();
	} catch (error) {
		const { code } = error as { code?: unknown };
		log.error({ code }, 'the audit file cannot be opened anew; the old one is kept');
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
