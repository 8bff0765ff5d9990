import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import { type Cancel, createCancel } from '../lib/cancel.ts';
import type { Address } from '../mcp/address.ts';
import { type Answer, messageAnswer } from '../mcp/answer.ts';
import { type Call, streamCall, successText } from '../mcp/call.ts';
import { META } from '../mcp/modern/envelope.ts';
import { type Exchange, handleCall, type Stages } from '../pipeline.ts';
import { doorOf } from './parse-address.ts';
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
	tryReadHeaders,
	type Visitor,
} from './visitor.ts';

/** The handler of all MCP addresses. */
export interface DataPlane {
	/** Answers one request; never rejects. */
	handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
	/** Ends the streams that would never end by themselves: GET streams and subscriptions. */
	endStreams(): void;
}

interface Visit extends Visitor {
	readonly endless: Map<ServerResponse, Call>;
	calls: readonly Call[];
	isBatch: boolean;
}

/** Builds the handler of all MCP addresses, straight on node:http. */
export function createDataPlane(parts: DataPlaneParts): DataPlane {
	const endless = new Map<ServerResponse, Call>();
	const sse = createSsePlane(parts);
	const endStreams = (): void => {
		for (const [response, call] of endless) response.end(farewell(call));
		sse.endStreams();
	};
	// A stream was allowed by the configuration it was opened under; whoever may still have it opens it again.
	parts.snapshots.onChange(endStreams);
	return {
		handle(request, response) {
			const door = doorOf(request.url ?? '');
			const answered =
				door === 'mcp' ? answer(parts, { request, response, endless }) : sse.handle(door, request, response);
			return answered.catch(() => void response.destroy());
		},
		endStreams,
	};
}

interface Arrival {
	readonly request: IncomingMessage;
	readonly response: ServerResponse;
	/** Responses whose stream has no end of its own, with the call that opened it. */
	readonly endless: Map<ServerResponse, Call>;
}

// A subscription ends with its result, so that the client knows it was on purpose (mcp 2026-07-28: subscriptions).
function farewell(call: Call): string {
	if (call.kind === 'listen') return '';
	const result = `{"resultType":"complete","_meta":{"${META.subscriptionId}":${call.idText}}}`;
	return frameText({ data: successText(call.idText, result) });
}

function noteEndless({ calls, response, endless }: Visit): void {
	const call = calls[0];
	if (call?.kind !== 'listen' && call?.method !== 'subscriptions/listen') return;
	endless.set(response, call);
	response.once('close', () => endless.delete(response));
}

async function answer({ stages, snapshots, isDraining }: DataPlaneParts, arrival: Arrival): Promise<void> {
	const { request, response, endless } = arrival;
	const requestId = randomUUID();
	const headers = tryReadHeaders(request.rawHeaders);
	const visit: Visit = { requestId, request, response, snapshots, endless, headers, calls: [], isBatch: false };
	const sending: Sending = { response, common: commonHeaders(visit), refuse: (error) => refuse(visit, error) };
	try {
		const first = handleCall(stages, exchangeFor(visit, { isDraining, index: 0 }));
		await first.catch((error) => throwUnlessAlone(visit, error));
		noteEndless(visit);
		await sendAnswer(sending, await (visit.isBatch ? batchAnswer(stages, visit, first) : fitting(visit, await first)));
	} catch (error) {
		if (response.destroyed) return;
		if (response.headersSent) response.destroy();
		else sendRefusal(sending, refuse(visit, toPortcullisError(error)));
	}
}

function refuse(visit: Visit, error: PortcullisError, call = visit.calls[0]): Refusal {
	return refuseVisitor(visit, error, call);
}

interface Turn {
	isDraining(): boolean;
	/** Which message of the body. */
	readonly index: number;
}

function exchangeFor(visit: Visit, turn: Turn): Exchange {
	const { request, response } = visit;
	let gone: Cancel | undefined;
	return {
		requestId: turn.index === 0 ? visit.requestId : `${visit.requestId}.${turn.index}`,
		rawHeaders: request.rawHeaders,
		acceptsStream: !visit.isBatch && acceptsStream(visit),
		endsWithConnection: false,
		admit: () => admit(visit, turn),
		readCall: () => (turn.index === 0 ? readFirst(visit) : Promise.resolve(visit.calls[turn.index] as Call)),
		disconnected() {
			gone ??= whenGone(response);
			return gone.signal;
		},
	};
}

function admit(visit: Visit, turn: Turn): Address {
	if (turn.isDraining()) throw new PortcullisError('PC_SHUTTING_DOWN');
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
	visit.calls = read.calls;
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
		const turn = { isDraining: () => false, index };
		const answer = index === 0 ? first : handleCall(stages, exchangeFor(visit, turn));
		return answer
			.then(collapse)
			.catch((error) => (call.kind === 'request' ? refuse(visit, toPortcullisError(error), call).body : undefined));
	});
	const answered = (await Promise.all(answers)).filter((text) => text !== undefined);
	return answered.length === 0 ? { kind: 'empty', status: 202, headers: {} } : messageAnswer(`[${answered.join(',')}]`);
}
