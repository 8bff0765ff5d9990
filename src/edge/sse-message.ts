import type { EdgeLimits } from '../config/snapshot.ts';
import { errorCode, PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import type { Principal } from '../identity/principal.ts';
import { editObject } from '../lib/json-text.ts';
import type { Address } from '../mcp/address.ts';
import type { Answer, Frame } from '../mcp/answer.ts';
import { asObject, type Call } from '../mcp/call.ts';
import { claimedRevision } from '../mcp/modern/envelope.ts';
import { LEGACY_REVISIONS } from '../mcp/revisions.ts';
import { handleCall, type Stages } from '../pipeline.ts';
import { connectAnswer } from './connect-answer.ts';
import { presentedBy } from './presented.ts';
import { checkBodyHeaders, readBody } from './read-body.ts';
import { readCalls } from './read-calls.ts';
import { adopt, listen, sessionHeaders, watchedSink } from './sse-inner-calls.ts';
import { resume } from './sse-resume.ts';
import type { SseSession, SseSessions } from './sse-sessions.ts';
import { commonHeaders, headersOf, refuseVisitor, type Visitor } from './visitor.ts';

/** Where messages of HTTP+SSE go. */
export interface SseMessageParts {
	readonly stages: Stages;
	readonly sessions: SseSessions;
	/** Host, Origin, a gateway that stops; finds the address. */
	admit(visitor: Visitor): Address;
}

/** One message on its way; what is known grows. */
interface Errand {
	readonly parts: SseMessageParts;
	readonly visitor: Visitor;
	session: SseSession | undefined;
	call: Call | undefined;
	finish: (() => void)[];
}

/**
 * Takes one POST: 202 as soon as the message is understood, its answer on the session's stream. Rejects with what has to
 * be answered to the POST itself.
 */
export async function takeMessage(parts: SseMessageParts, visitor: Visitor): Promise<void> {
	const errand: Errand = { parts, visitor, session: undefined, call: undefined, finish: [] };
	try {
		const answer = handleCall(parts.stages, exchangeFor(errand)).catch((error: unknown) =>
			connectAnswer(error, errand.call),
		);
		await deliver(errand, await answer);
	} catch (error) {
		await tell(errand, toPortcullisError(error));
	} finally {
		for (const finish of errand.finish) finish();
	}
	const { session } = errand;
	if (session !== undefined) void listen(parts.stages, session);
}

function exchangeFor(errand: Errand) {
	const { parts, visitor } = errand;
	let address: Address;
	const exchange = {
		requestId: visitor.requestId,
		presented: presentedBy(visitor.request),
		acceptsStream: true,
		endsWithConnection: true,
		admit() {
			address = parts.admit(visitor);
			return address;
		},
		async readCall(principal: Principal) {
			const call = await readMessageOf(errand, principal, address);
			// An abandoned handshake could leave a session at the server that nobody knows; it is ended when it is there.
			exchange.endsWithConnection = call.method !== 'initialize';
			return call;
		},
		disconnected: () => (errand.session as SseSession).gone,
	};
	return exchange;
}

async function readMessageOf(errand: Errand, principal: Principal, address: Address): Promise<Call> {
	const { visitor, parts } = errand;
	const { request, response, snapshots } = visitor;
	if (request.method !== 'POST') throw new PortcullisError('PC_METHOD_NOT_ALLOWED');
	const session = parts.sessions.find(sessionIdIn(request.url ?? ''), principal, address);
	const { limits } = snapshots.current();
	const headers = headersOf(visitor);
	checkBodyHeaders(headers, limits.bodyBytes);
	const text = await readBody(request, limits.bodyBytes);
	if (session.gone.aborted) throw new PortcullisError('PC_SESSION_UNKNOWN');
	errand.session = session;
	session.presented = presentedBy(request);
	const call = readSseCall(text, headersWithin(headers.mcp, session), limits);
	// Calls that began may still ask their client; new ones belong to a new stream.
	if (session.retired && call.kind === 'request') throw new PortcullisError('PC_SESSION_UNKNOWN');
	if (call.kind === 'request') errand.finish.push(session.beginCall(call.idText));
	errand.call = call;
	response.writeHead(202, commonHeaders(visitor)).end('Accepted');
	await inOrder(errand, session, call);
	return call;
}

function sessionIdIn(target: string): string {
	const query = target.indexOf('?');
	return (query === -1 ? undefined : new URLSearchParams(target.slice(query + 1)).get('sessionId')) ?? '';
}

// A client of this transport need not repeat the revision, and knows nothing of the session.
function headersWithin(sent: ReadonlyMap<string, string>, session: SseSession): ReadonlyMap<string, string> {
	const revision = sent.get('mcp-protocol-version');
	return sessionHeaders(session, revision === undefined ? {} : { 'mcp-protocol-version': revision });
}

/** What is thrown about messages of 2026-07-28, whose headers this transport does not have. */
const MODERN_FAULTS: ReadonlySet<unknown> = new Set([
	'PC_HEADER_MISMATCH',
	'PC_ENVELOPE_INVALID',
	'PC_REVISION_UNSUPPORTED',
]);

/** The one legacy message of a body. Throws PC_BATCH_REFUSED, PC_REVISION_UNSUPPORTED and what `readCalls` does. */
export function readSseCall(text: string, headers: ReadonlyMap<string, string>, limits: EdgeLimits): Call {
	// 2024-11-05 knows no batches, and an answer to one could not be told from others on the stream.
	if (/^\s*\[/.test(text)) throw new PortcullisError('PC_BATCH_REFUSED');
	try {
		const [call] = readCalls(text, headers, limits).calls as readonly [Call];
		if (call.era === 'legacy') return call;
		throw notSpoken(text, call.idText);
	} catch (error) {
		if (!MODERN_FAULTS.has(errorCode(error))) throw error;
		throw notSpoken(text, (error as PortcullisError).facts.idText);
	}
}

// Says what is spoken here, so that a client of both families goes on with a handshake (mcp 2026-07-28: versioning).
function notSpoken(text: string, idText = 'null'): PortcullisError {
	const requested = claimedRevision(asObject(asObject(JSON.parse(text))?.['params']) ?? {});
	const data = { supported: LEGACY_REVISIONS, requested };
	return new PortcullisError('PC_REVISION_UNSUPPORTED', { idText, data });
}

// Every message is answered 202 at once, so a client's next one could overtake the end of its handshake on the way.
async function inOrder(errand: Errand, session: SseSession, call: Call): Promise<void> {
	if (call.method !== 'notifications/initialized') return session.handshake;
	session.handshake = new Promise((resolve) => errand.finish.push(resolve));
}

async function deliver({ session, call, parts }: Errand, answer: Answer): Promise<void> {
	if (session === undefined || call === undefined) return;
	const mcpSessionId = answer.headers['mcp-session-id'];
	if (mcpSessionId !== undefined) adopt(parts.stages, session, mcpSessionId);
	if (call.method === 'notifications/initialized' && session.listening === 'early') session.listening = 'wanted';
	if (answer.kind === 'message') {
		const data = eventData(answer.body.toString(), call, answer.failed);
		noteRevision(session, call, data);
		return session.send(data);
	}
	if (answer.kind === 'stream') await pumpAll(parts.stages, { session, call, answer });
}

interface Pumping {
	readonly session: SseSession;
	readonly call: Call;
	readonly answer: Extract<Answer, { kind: 'stream' }>;
}

async function pumpAll(stages: Stages, { session, call, answer }: Pumping): Promise<void> {
	let last: Frame = { data: '' };
	const sink = watchedSink(session, (frame) => {
		if (frame.id !== undefined) last = { ...frame, retry: frame.retry ?? last.retry };
		noteRevision(session, call, frame.data);
	});
	const ended = await answer.pump(sink);
	if (ended === 'open-ended' && call.kind === 'request') await resume(stages, session, { call, last });
}

function noteRevision(session: SseSession, call: Call, data: string): void {
	if (call.method !== 'initialize' || data === '') return;
	const agreed = asObject(asObject(JSON.parse(data))?.['result'])?.['protocolVersion'];
	session.revision = LEGACY_REVISIONS.find((revision) => revision === agreed);
}

// Where the answer has a connection of its own an error may leave the id out; here nobody could tell whose it is.
function eventData(body: string, call: Call, failed: boolean): string {
	const isNameless = failed && asObject(JSON.parse(body))?.['id'] == null;
	const text = isNameless ? editObject(body, { id: call.idText }) : body;
	// To an event stream a lone CR ends a line as well; within JSON both are white space.
	return text.replace(/\r\n?/g, '\n');
}

async function tell(errand: Errand, error: PortcullisError): Promise<void> {
	const { session, call, visitor } = errand;
	const isAboutMessage = call !== undefined || (error.facts.idText ?? 'null') !== 'null';
	if (session === undefined || !isAboutMessage) throw error;
	const { response } = visitor;
	if (!response.headersSent) response.writeHead(202, commonHeaders(visitor)).end('Accepted');
	if (call !== undefined && call.kind !== 'request') return;
	await session.send(refuseVisitor(visitor, error, call).body).catch(() => undefined);
}
