import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Snapshot } from '../config/snapshot.ts';
import { PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import type { Exchange } from '../exchange.ts';
import type { Principal } from '../identity/principal.ts';
import { type Cancel, createCancel } from '../lib/cancel.ts';
import type { Address } from '../mcp/address.ts';
import { type Answer, messageAnswer } from '../mcp/answer.ts';
import { type Call, streamCall, successText } from '../mcp/call.ts';
import { withoutConnectAnswer } from '../mcp/modern/connect-question.ts';
import { META } from '../mcp/modern/envelope.ts';
import { handleCall, type Stages } from '../pipeline.ts';
import { connectAnswer } from './connect-answer.ts';
import { createIsTouched, type IsTouched } from './is-touched.ts';
import { linger } from './linger.ts';
import { doorOf } from './parse-address.ts';
import { presentedBy } from './presented.ts';
import { checkBodyHeaders, readBody } from './read-body.ts';
import { readCalls } from './read-calls.ts';
import type { Refusal } from './refusal.ts';
import { collapse, frameText, type Sending, sendAnswer, sendRefusal } from './send-answer.ts';
import { createSsePlane } from './sse-plane.ts';
import {
	addressFor,
	commonHeaders,
	type DataPlaneParts,
	headersOf,
	refuseVisitor,
	refuseWhenClosed,
	tryReadHeaders,
	type Visitor,
} from './visitor.ts';
import { isExpired, watchExpiry } from './watch-expiry.ts';

/** The handler of all MCP addresses. */
export interface DataPlane {
	/** Answers one request; never rejects. */
	handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
	/** Ends the streams that would never end by themselves: GET streams and subscriptions. */
	endStreams(): void;
}

/** A stream that has no end of its own. */
interface Endless {
	/** The call that opened it, and for whom. */
	readonly call: Call;
	readonly principal: Principal;
}

interface Open extends DataPlaneParts {
	readonly isTouched: IsTouched;
	readonly endless: Map<ServerResponse, Endless>;
}

interface Visit extends Visitor {
	/** The snapshot that was there before anything was looked at. */
	readonly since: Snapshot;
	calls: readonly Call[];
	isBatch: boolean;
}

/** Builds the handler of all MCP addresses, straight on node:http. */
export function createDataPlane(parts: DataPlaneParts): DataPlane {
	const open: Open = { ...parts, isTouched: createIsTouched(parts), endless: new Map() };
	const sse = createSsePlane(open);
	const endStreams = (isAffected: (principal: Principal) => boolean): void => {
		for (const [response, stream] of open.endless) if (isAffected(stream.principal)) endOne(response, stream);
		sse.endStreams(isAffected);
	};
	// A stream was allowed by the configuration it was opened under; whoever may still have it opens it again.
	parts.snapshots.onChange((_, previous) => endStreams((principal) => open.isTouched(principal, previous)));
	return {
		handle(request, response) {
			const door = doorOf(request.url ?? '');
			const answered = door === 'mcp' ? answer(open, { request, response }) : sse.handle(door, request, response);
			return answered.catch(() => void response.destroy());
		},
		endStreams: () => endStreams(() => true),
	};
}

interface Arrival {
	readonly request: IncomingMessage;
	readonly response: ServerResponse;
}

// Before its first byte a stream is no stream yet: a connection that breaks is tried again.
function endOne(response: ServerResponse, { call }: Endless): void {
	if (response.writableEnded) return;
	if (response.headersSent) response.end(farewell(call));
	else response.destroy();
}

// A subscription ends with its result, so that the client knows it was on purpose (mcp 2026-07-28: subscriptions).
function farewell(call: Call): string {
	if (call.kind === 'listen') return '';
	const result = `{"resultType":"complete","_meta":{"${META.subscriptionId}":${call.idText}}}`;
	return frameText({ data: successText(call.idText, result) });
}

// As soon as the call is known, so that no swap falls between what allowed the stream and its being watched.
function noteEndless({ endless, isTouched, isDraining, renew }: Open, visit: Visit, principal: Principal): void {
	const { calls, response, since } = visit;
	const call = calls[0];
	if (call?.kind !== 'listen' && call?.method !== 'subscriptions/listen') return;
	if (isDraining()) throw new PortcullisError('PC_SHUTTING_DOWN');
	if (isExpired(principal)) throw new PortcullisError('PC_TOKEN_EXPIRED');
	const stream: Endless = { call, principal };
	endless.set(response, stream);
	const watch = watchExpiry({ principal, renew, onExpired: () => endOne(response, stream) });
	response.once('close', () => {
		watch.stop();
		endless.delete(response);
	});
	if (isTouched(principal, since)) endOne(response, stream);
}

async function answer(open: Open, arrival: Arrival): Promise<void> {
	const { stages, snapshots } = open;
	const { request, response } = arrival;
	const requestId = randomUUID();
	const headers = tryReadHeaders(request.rawHeaders);
	const since = snapshots.current();
	const visit: Visit = { requestId, request, response, snapshots, since, headers, calls: [], isBatch: false };
	const sending: Sending = { response, common: commonHeaders(visit), refuse: (error) => refuse(visit, error) };
	try {
		const first = handleCall(stages, exchangeFor(visit, firstTurn(open, visit))).catch((error: unknown) =>
			connectAnswer(error, visit.calls[0]),
		);
		await first.catch((error) => throwUnlessAlone(visit, error));
		await sendAnswer(sending, await (visit.isBatch ? batchAnswer(stages, visit, first) : fitting(visit, await first)));
	} catch (error) {
		if (response.destroyed) return;
		if (response.headersSent) return void response.destroy();
		const refusal = refuse(visit, toPortcullisError(error));
		if (refusal.status === 413) await linger(request);
		sendRefusal(sending, refusal);
	}
}

function refuse(visit: Visit, error: PortcullisError, call = visit.calls[0]): Refusal {
	return refuseVisitor(visit, error, call);
}

interface Turn {
	/** Throws where no new call is welcome. */
	refuseWhenClosed(): void;
	/** Which message of the body. */
	readonly index: number;
	/** Told for whom, when the call is known. */
	onCall(principal: Principal): void;
}

function firstTurn(open: Open, visit: Visit): Turn {
	return {
		refuseWhenClosed: () => refuseWhenClosed(open),
		index: 0,
		onCall: (principal) => noteEndless(open, visit, principal),
	};
}

function exchangeFor(visit: Visit, turn: Turn): Exchange {
	const { request, response } = visit;
	let gone: Cancel | undefined;
	return {
		requestId: turn.index === 0 ? visit.requestId : `${visit.requestId}.${turn.index}`,
		presented: presentedBy(request),
		acceptsStream: !visit.isBatch && acceptsStream(visit),
		endsWithConnection: false,
		admit: () => admit(visit, turn),
		async readCall(principal) {
			if (turn.index > 0) return visit.calls[turn.index] as Call;
			const call = await readFirst(visit);
			turn.onCall(principal);
			return call;
		},
		disconnected() {
			gone ??= whenGone(response);
			return gone.signal;
		},
	};
}

function admit(visit: Visit, turn: Turn): Address {
	turn.refuseWhenClosed();
	const address = addressFor(visit, 'mcp');
	if (!['POST', 'GET', 'DELETE'].includes(visit.request.method ?? ''))
		throw new PortcullisError('PC_METHOD_NOT_ALLOWED');
	return address;
}

async function readFirst(visit: Visit): Promise<Call> {
	const headers = headersOf(visit);
	const { limits } = visit.snapshots.current();
	if (visit.request.method !== 'POST') {
		// Only a session has a stream to open or an end to come to.
		if (!headers.mcp.has('mcp-session-id')) throw new PortcullisError('PC_METHOD_NOT_ALLOWED');
		visit.calls = [streamCall(visit.request.method === 'GET' ? 'listen' : 'end', headers.mcp)];
		return visit.calls[0] as Call;
	}
	checkBodyHeaders(headers, limits.bodyBytes);
	const read = readCalls(await readBody(visit.request, limits.bodyBytes), headers.mcp, limits);
	visit.calls = read.calls.map(withoutConnectAnswer);
	visit.isBatch = read.isBatch;
	return visit.calls[0] as Call;
}

// MCP demands that clients accept both; one that names only JSON gets the final message alone.
function acceptsStream({ headers }: Visit): boolean {
	return 'read' in headers && headers.read.accept?.toLowerCase().includes('text/event-stream') === true;
}

function whenGone(response: ServerResponse): Cancel {
	const controller = createCancel();
	// Every response closes, so no error is made here: whoever still listens makes its own (`cancelled`).
	const onClose = (): void => controller.abort(undefined);
	if (response.destroyed) onClose();
	else response.once('close', onClose);
	return controller;
}

async function fitting(visit: Visit, answer: Answer): Promise<Answer> {
	if (answer.kind !== 'stream' || acceptsStream(visit)) return answer;
	const text = await collapse(answer);
	if (text === undefined) throw new PortcullisError('PC_UPSTREAM_FAILED');
	return messageAnswer(text, answer.headers);
}

// What is wrong with the address or the session is wrong with the whole batch; all else with one of its messages.
function throwUnlessAlone(visit: Visit, error: unknown): void {
	if (!visit.isBatch || refuse(visit, toPortcullisError(error)).status === 404) throw error;
}

// Each message of a batch is a call of its own: judged, recorded and answered by itself (mcp 2025-03-26, batching).
async function batchAnswer(stages: Stages, visit: Visit, first: Promise<Answer>): Promise<Answer> {
	const answers = visit.calls.map((call, index) => {
		const turn = { refuseWhenClosed: () => undefined, index, onCall: () => undefined };
		const answer = index === 0 ? first : handleCall(stages, exchangeFor(visit, turn));
		return answer
			.catch((error: unknown) => connectAnswer(error, call))
			.then(collapse)
			.catch((error) => (call.kind === 'request' ? refuse(visit, toPortcullisError(error), call).body : undefined));
	});
	const answered = (await Promise.all(answers)).filter((text) => text !== undefined);
	return answered.length === 0 ? { kind: 'empty', status: 202, headers: {} } : messageAnswer(`[${answered.join(',')}]`);
}
