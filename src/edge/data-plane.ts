import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SnapshotSource } from '../config/snapshot.ts';
import { PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import type { Address } from '../mcp/address.ts';
import { type Answer, messageAnswer } from '../mcp/answer.ts';
import { type Call, streamCall } from '../mcp/call.ts';
import { type Exchange, handleCall, type Stages } from '../pipeline.ts';
import { checkNames, type EdgeHeaders, readHeaders } from './check-headers.ts';
import { corsHeaders } from './cors.ts';
import { parseAddress } from './parse-address.ts';
import { metadataUrl } from './protected-resource.ts';
import { checkBodyHeaders, readBody } from './read-body.ts';
import { readCalls } from './read-calls.ts';
import { type Refusal, refusalOf } from './refusal.ts';
import { collapse, type Sending, sendAnswer, sendRefusal } from './send-answer.ts';

/** What the data plane works with. */
export interface DataPlaneParts {
	readonly stages: Stages;
	readonly snapshots: SnapshotSource;
	/** Whether the gateway has begun to stop. */
	isDraining(): boolean;
}

/** Answers one request to an MCP address. */
export type DataPlane = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

interface Visit {
	readonly requestId: string;
	readonly request: IncomingMessage;
	readonly response: ServerResponse;
	readonly snapshots: SnapshotSource;
	headers: EdgeHeaders | undefined;
	calls: readonly Call[];
	isBatch: boolean;
}

/** Builds the handler of all MCP addresses, straight on node:http. */
export function createDataPlane({ stages, snapshots, isDraining }: DataPlaneParts): DataPlane {
	return async (request, response) => {
		const requestId = randomUUID();
		const visit: Visit = { requestId, request, response, snapshots, headers: undefined, calls: [], isBatch: false };
		const common = { 'x-request-id': requestId, ...corsHeaders(request.headers.origin, snapshots.current().names) };
		const sending: Sending = { response, common, refuse: (error) => refuse(visit, error) };
		try {
			const first = await handleCall(stages, exchangeFor(visit, { isDraining, index: 0 }));
			await sendAnswer(sending, visit.isBatch ? await batchAnswer(stages, visit, first) : await fitting(visit, first));
		} catch (error) {
			if (response.destroyed) return;
			if (response.headersSent) response.destroy();
			else sendRefusal(sending, refuse(visit, toPortcullisError(error)));
		}
	};
}

function refuse(visit: Visit, error: PortcullisError, call = visit.calls[0]): Refusal {
	const resourceMetadataUrl = metadataUrl(visit.request, visit.snapshots.current().names);
	return refusalOf(error, {
		requestId: visit.requestId,
		idText: call?.idText ?? 'null',
		era: call?.era,
		resourceMetadataUrl,
	});
}

interface Turn {
	isDraining(): boolean;
	/** Which message of the body. */
	readonly index: number;
}

function exchangeFor(visit: Visit, turn: Turn): Exchange {
	const { request, response } = visit;
	let gone: AbortController | undefined;
	return {
		requestId: turn.index === 0 ? visit.requestId : `${visit.requestId}.${turn.index}`,
		rawHeaders: request.rawHeaders,
		acceptsStream: !visit.isBatch && acceptsStream(request.headers.accept),
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
	visit.headers = readHeaders(visit.request.rawHeaders);
	checkNames(visit.headers, visit.snapshots.current().names);
	const address = parseAddress(visit.request.url ?? '');
	if (!['POST', 'GET', 'DELETE'].includes(visit.request.method ?? ''))
		throw new PortcullisError('PC_METHOD_NOT_ALLOWED');
	return address;
}

async function readFirst(visit: Visit): Promise<Call> {
	const headers = visit.headers as EdgeHeaders;
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
function acceptsStream(accept: string | undefined): boolean {
	return accept !== undefined && accept.toLowerCase().includes('text/event-stream');
}

function whenGone(response: ServerResponse): AbortController {
	const controller = new AbortController();
	const onClose = (): void => {
		if (!response.writableFinished) controller.abort(new PortcullisError('PC_CALL_CANCELLED'));
	};
	if (response.destroyed) onClose();
	else response.once('close', onClose);
	return controller;
}

async function fitting(visit: Visit, answer: Answer): Promise<Answer> {
	if (answer.kind !== 'stream' || acceptsStream(visit.request.headers.accept)) return answer;
	const text = await collapse(answer);
	if (text === undefined) throw new PortcullisError('PC_UPSTREAM_FAILED');
	return messageAnswer(text, answer.headers);
}

// Each message of a batch is a call of its own: judged, recorded and answered by itself (mcp 2025-03-26, batching).
async function batchAnswer(stages: Stages, visit: Visit, first: Answer): Promise<Answer> {
	const others = visit.calls.slice(1).map(async (call, at) => {
		const exchange = exchangeFor(visit, { isDraining: () => false, index: at + 1 });
		return handleCall(stages, exchange)
			.then(collapse)
			.catch((error) => (call.kind === 'request' ? refuse(visit, toPortcullisError(error), call).body : undefined));
	});
	const texts = await Promise.all([collapse(first), ...others]);
	const answered = texts.filter((text) => text !== undefined);
	return answered.length === 0 ? { kind: 'empty', status: 202, headers: {} } : messageAnswer(`[${answered.join(',')}]`);
}
