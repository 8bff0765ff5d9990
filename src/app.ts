import { randomBytes } from 'node:crypto';
import { createAdmin, createCallerOf } from './admin/create-admin.ts';
import type { ResourceParts } from './admin/resource-parts.ts';
import { createRunCall } from './admin/run-call.ts';
import type { AppParts } from './app-parts.ts';
import { type Audit, createAudit } from './audit/create-audit.ts';
import { createCatalogue } from './catalogue/load-catalogue.ts';
import type { Credentials } from './credentials/attach-credential.ts';
import { clientForm } from './credentials/client-form.ts';
import { codeForm } from './credentials/code-form.ts';
import { createCredentialStage } from './credentials/create-stage.ts';
import { listenAll, type Places } from './edge/listen.ts';
import { createOperatorHandler } from './edge/operator-handler.ts';
import { type Authenticator, createAuthenticate } from './identity/authenticate.ts';
import { createKeyUses, type KeyUses } from './identity/key-uses.ts';
import { createEgress } from './lib/egress/create-egress.ts';
import { createSealer } from './lib/seal.ts';
import { createLimits, type Limits } from './limits/create-limits.ts';
import { createSessionIds } from './mcp/legacy/session.ts';
import { createMetrics, type Metrics } from './observe/metrics.ts';
import type { Stages } from './pipeline.ts';
import { decide } from './policy/decide.ts';
import { decideRoute } from './policy/decide-route.ts';
import { createPublicPlanes } from './public-planes.ts';
import { checkMirroredHeaders } from './router/check-mirrored-headers.ts';
import { createResolveRoute, type ResolveRoute } from './router/resolve-route.ts';
import { createSeals } from './upstream/create-seals.ts';
import { createUpstreams, type Upstreams } from './upstream/upstreams.ts';

/** The assembled gateway. */
export type App = ReturnType<typeof createApp>;

const never = (): boolean => false;

/** Composition root: the only place that knows every folder. Nothing listens and nothing is spawned yet. */
export function createApp(parts: AppParts) {
	const { snapshots, records, managed, limiting = {}, log, isStale = never, listeners = [], bridge } = parts;
	const metrics = createMetrics({ openSessions: () => upstreams.openSessions(), inFlight: () => limits.inFlight() });
	const limits = createLimits({ snapshots, sharing: limiting, log, metrics });
	const sessionIds = createSessionIds(createSealer(randomBytes(32), 'mcp-session'));
	const { credentials, oauth } = createCredentialStage(parts, (person, server) => planes.linkFor(person, server));
	const keyUses = createKeyUses({ store: managed?.store, onTrouble: (err) => log.warn({ err }, 'uses of keys wait') });
	const authenticator = bridge?.authenticator ?? createIdentity(parts, { metrics, keyUses });
	const upstreams = createUpstreams({
		credentials,
		sessionIds,
		seals: createSeals(),
		...{ childEnv: parts.childEnv, programs: parts.programs, log, metrics },
		egress: createEgress({ allowed: parts.egressAllow ?? [] }),
		mayUse: (principal, subject) => decide(principal, { ...subject, effect: 'tool' }).allowed,
		listDeadlineMs: () => snapshots.current().limits.listDeadlineMs,
	});
	const { directory, infoOf, stateOf: serverState } = upstreams;
	const audit = createAudit({ snapshots, records, log, metrics });
	const resolveRoute = createResolveRoute({ snapshots, directory, sessions: sessionIds });
	const stages = createStages({ audit, authenticator, resolveRoute, limits, credentials, upstreams });
	let draining = false;
	const shared = { snapshots, openTrail: stages.openTrail, isDraining: () => draining, isStale };
	const credentialOf: ResourceParts['credentialOf'] = (principal, server) => credentials.identify(principal, server).id;
	const seen = { directory, credentialOf, serverState, standingOf: authenticator.standingOf };
	const offered = { catalogue: parts.catalogue ?? createCatalogue(), programs: parts.programs };
	const known = { current: snapshots.current, ...seen, ...offered, runCall: createRunCall(stages) };
	const adminFor = createAdmin(shared, managed && oauth && { ...known, ...managed, storeClient: oauth.storeClient });
	const admin = adminFor(createCallerOf(authenticator));
	const around = { stages, infoOf, authenticator, admin, bridge, ...parts.connecting };
	const planes = createPublicPlanes({ ...shared, ...oauth, ...around });
	snapshots.onChange((next) => upstreams.retire(next));
	return {
		authenticator,
		directory,
		serverState,
		/** The management API for the operator, who asks from within this process. */
		operatorApi: () => adminFor(() => ({ kind: 'operator' })),
		async listen(places: Places) {
			await admin.ready();
			const operator = createOperatorHandler({ isReady: () => !draining && !isStale(), metrics: metrics.text });
			return listenAll({ ...places, further: listeners }, { public: planes.handler, operator });
		},
		/** Refuses new calls from now on, and ends the streams that would not end by themselves. */
		beginDrain() {
			draining = true;
			planes.endStreams();
		},
		/** Ends upstream sessions, child processes and connections; the last thing before exit. */
		async close() {
			await admin.close();
			await Promise.all([upstreams.close(), oauth?.close()]);
			await limits.close();
			authenticator.close();
			await keyUses.close();
			audit.tellGaps();
		},
	};
}

interface IdentityAround {
	readonly metrics: Metrics;
	readonly keyUses: KeyUses;
}

function createIdentity(
	{ snapshots, listeners, limiting, jwksStaleMs }: AppParts,
	{ metrics, keyUses }: IdentityAround,
) {
	const failures = { perMinute: limiting?.perMinute, onRefused: () => metrics.limited('failures') };
	const jwksTimes = jwksStaleMs === undefined ? {} : { staleAfterMs: jwksStaleMs };
	const noteKeyUse = keyUses.note;
	return createAuthenticate({
		snapshots,
		...(listeners && { listeners }),
		clientForm,
		codeForm,
		failures,
		jwksTimes,
		noteKeyUse,
	});
}

interface StageParts {
	readonly audit: Audit;
	readonly authenticator: Authenticator;
	readonly resolveRoute: ResolveRoute;
	readonly limits: Limits;
	readonly credentials: Credentials;
	readonly upstreams: Upstreams;
}

function createStages({ audit, authenticator, resolveRoute, limits, credentials, upstreams }: StageParts): Stages {
	return {
		openTrail: audit.openTrail,
		authenticate: authenticator.authenticate,
		resolveRoute,
		decide(principal, route, call) {
			const decision = decideRoute(principal, route, call);
			if (decision.allowed) checkMirroredHeaders(route, call);
			return decision;
		},
		spend: limits.spend,
		within: limits.within,
		attachCredential: (principal, route) =>
			'server' in route ? credentials.attach(principal, route.server) : undefined,
		forward: upstreams.forward,
	};
}
