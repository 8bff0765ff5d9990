import type { ServerResponse } from 'node:http';
import type { OpenTrail, Trail } from '../audit/trail.ts';
import type { SnapshotSource } from '../config/snapshot.ts';
import { checkNames } from '../edge/check-headers.ts';
import { presentedBy } from '../edge/presented.ts';
import { API_ROOT, apiMetadataUrl } from '../edge/protected-resource.ts';
import { sendBody } from '../edge/send-answer.ts';
import { commonHeaders, headersOf, refuseWhenClosed, type Visitor } from '../edge/visitor.ts';
import { PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import type { Presented } from '../identity/presented.ts';
import { scopesToAskFor } from '../identity/resource-metadata.ts';
import type { Queues } from '../lib/queues.ts';
import { isSlug } from '../lib/slug.ts';
import { emptyAnswer } from '../mcp/answer.ts';
import { actorOf, type Caller, identityOf } from './caller.ts';
import { decideAccess } from './decide-access.ts';
import { createOnce, type IdempotencyStore, MADE_ALWAYS, type Once, readKey, requestDigest } from './idempotency.ts';
import { createPatience, type Patience } from './patience.ts';
import { problemOf } from './problem.ts';
import { type Input, readInput } from './read-input.ts';
import { type Rendered, renderAnswer } from './render-answer.ts';
import { isChange, type Route, templateOf } from './route.ts';

/** What the management API works with. */
export interface AnswerParts {
	readonly snapshots: SnapshotSource;
	readonly openTrail: OpenTrail;
	/** Who asks; throws or rejects with the refusals of the identity stage. */
	callerOf(presented: Presented): Caller | Promise<Caller>;
	/** Whether the gateway has begun to stop. */
	isDraining(): boolean;
	/** Whether the snapshot is too old to judge anybody by. */
	isStale(): boolean;
	/** Needed as soon as there is an operation that takes an Idempotency-Key. */
	readonly idempotency?: IdempotencyStore | undefined;
	readonly queues: Queues;
	/** How long one request may take. */
	readonly timeoutMs: number;
}

/** One request for the management API; `route` is `undefined` where its path or method is none of ours. */
export interface ApiRequest {
	readonly visitor: Visitor;
	readonly route: Route | undefined;
	/** Methods that the path takes. */
	readonly allow: readonly string[];
	/** Decoded parameters of the path. */
	readonly params: Readonly<Record<string, string>>;
	readonly query: unknown;
}

/**
 * The way of every request for the management API; never rejects. Like the path of a call: the trail wraps everything,
 * whoever asks is known before anything they sent is read, and no change is made whose intent is not written.
 */
export async function answerRequest(parts: AnswerParts, arrival: ApiRequest): Promise<void> {
	const { visitor, route } = arrival;
	const trail = parts.openTrail(visitor.requestId);
	try {
		const address = API_ROOT + (route === undefined ? '' : templateOf(route.path));
		trail.note({ address, method: visitor.request.method ?? '', route: 'api' });
		const admitted = admit(parts, arrival);
		const caller = await parts.callerOf(presentedBy(visitor.request));
		const vouchedBy = caller.principal?.vouchedBy;
		trail.note({ principal: identityOf(caller), ...(vouchedBy !== undefined && { vouchedBy }) });
		authorize(arrival, admitted, { caller, trail });
		const input = await readInput(admitted, { ...visitor, ...arrival, headers: headersOf(visitor) });
		if (isChange(admitted)) await trail.intend();
		const rendered = await perform(parts, arrival, { route: admitted, caller, input });
		if (isChange(admitted)) await trail.close(emptyAnswer(rendered.status));
		else trail.forget();
		sendRendered(visitor, rendered);
	} catch (error) {
		sendProblem(arrival, await recorded(trail, toPortcullisError(error)));
	}
}

function admit(parts: AnswerParts, { visitor, route, allow }: ApiRequest): Route {
	refuseWhenClosed(parts);
	checkNames(headersOf(visitor), visitor.snapshots.current().names);
	if (route !== undefined) return route;
	throw new PortcullisError(allow.length > 0 ? 'PC_METHOD_NOT_ALLOWED' : 'PC_ADDRESS_UNKNOWN');
}

interface Asking {
	readonly caller: Caller;
	readonly trail: Trail;
}

function authorize({ visitor, params }: ApiRequest, route: Route, { caller, trail }: Asking): void {
	const snapshot = visitor.snapshots.current();
	const workspace = params['workspace'];
	const { refusal, ...why } = decideAccess({ wanted: route.authorize, caller, workspace });
	trail.note(why);
	// Whatever else stands in the path is no workspace, and no text for a record.
	if (workspace !== undefined && isSlug(workspace)) {
		const workspaceId = snapshot.workspaces.get(workspace)?.id;
		trail.note({ workspace, ...(workspaceId !== undefined && { workspaceId }) });
	}
	if (refusal !== undefined) throw new PortcullisError(refusal);
}

interface Work {
	readonly route: Route;
	readonly caller: Caller;
	readonly input: Input;
}

async function perform(parts: AnswerParts, { visitor }: ApiRequest, work: Work): Promise<Rendered> {
	const patience = createPatience(visitor.response, parts.timeoutMs);
	try {
		return await patience.waitFor(handle(parts, visitor, { ...work, patience }));
	} finally {
		patience.stop();
	}
}

async function handle(
	parts: AnswerParts,
	visitor: Visitor,
	{ route, caller, input, patience }: Work & { readonly patience: Patience },
): Promise<Rendered> {
	const key = route.idempotency === undefined ? undefined : readKey(visitor.request.headers);
	const once = key === undefined ? MADE_ALWAYS : onceFor(parts, { route, caller, input }, key);
	const { requestId, snapshots } = visitor;
	const { signal } = patience;
	const make = async (): Promise<Rendered> => {
		signal.throwIfAborted();
		const context = { ...input, requestId, operation: route.id, caller, signal, once: once.once };
		const answer = await route.handle({ ...context, snapshot: snapshots.current() });
		// A change that went past the key would be made again when the request is.
		if (!once.wasUsed()) throw new PortcullisError('PC_INTERNAL', { detail: `${route.id} made no use of once` });
		return renderAnswer(route, answer);
	};
	// Requests with one key wait for each other here, where none of them holds a connection to the database.
	const made = key === undefined ? make() : parts.queues(queueKey(caller, input, key), make);
	const rendered = await made;
	if (!once.wasReplayed()) return rendered;
	return { ...rendered, headers: { ...rendered.headers, 'idempotency-replayed': 'true' } };
}

function queueKey(caller: Caller, { params }: Input, key: string): string {
	return JSON.stringify([actorOf(caller), params['workspace'] ?? null, key]);
}

function onceFor({ idempotency }: AnswerParts, { route, caller, input }: Work, key: string): Once {
	if (idempotency === undefined) throw new PortcullisError('PC_INTERNAL', { detail: 'no store for Idempotency-Keys' });
	return createOnce({
		store: idempotency,
		claim: {
			principal: actorOf(caller),
			key,
			requestDigest: requestDigest(route.id, input.params, input.bodyText),
		},
		check: (answer) => void renderAnswer(route, answer),
	});
}

// A refusal that cannot be recorded is told as that.
async function recorded(trail: Trail, error: PortcullisError): Promise<PortcullisError> {
	try {
		await trail.fail(error);
		return error;
	} catch (lost) {
		return toPortcullisError(lost);
	}
}

const NO_STORE = { 'cache-control': 'no-store' } as const;

function sendRendered(visitor: Visitor, { status, headers, text }: Rendered): void {
	const sending = sendingTo(visitor);
	if (text === undefined) sending.response.writeHead(status, { ...sending.common, ...headers }).end();
	else sendBody(sending, status, headers, text);
}

function sendProblem({ visitor, allow }: ApiRequest, error: PortcullisError): void {
	const { requestId, request, response, snapshots } = visitor;
	if (response.destroyed || response.headersSent) {
		response.destroy();
		return;
	}
	const { names, directories } = snapshots.current();
	const signIn = { resourceMetadataUrl: apiMetadataUrl(request, names), scopes: scopesToAskFor(directories) };
	const { status, headers, text } = problemOf(error, { requestId, allow, ...signIn });
	sendBody(sendingTo(visitor), status, headers, text);
}

function sendingTo(visitor: Visitor): { readonly response: ServerResponse; readonly common: Record<string, string> } {
	return { response: visitor.response, common: { ...commonHeaders(visitor), ...NO_STORE } };
}
