import type { IncomingMessage, ServerResponse } from 'node:http';
import { PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import type { Exchange } from '../exchange.ts';
import type { Principal } from '../identity/principal.ts';
import { type Address, pathOf } from '../mcp/address.ts';
import { streamCall } from '../mcp/call.ts';
import { handleCall } from '../pipeline.ts';
import type { IsTouched } from './is-touched.ts';
import type { Door } from './parse-address.ts';
import { presentedBy } from './presented.ts';
import { sendBody } from './send-answer.ts';
import { end, NEVER } from './sse-inner-calls.ts';
import { takeMessage } from './sse-message.ts';
import { createSseSessions, type SseSession, type SseSessions } from './sse-sessions.ts';
import { openSseStream } from './sse-stream.ts';
import {
	addressFor,
	commonHeaders,
	type DataPlaneParts,
	receive,
	refuseVisitor,
	refuseWhenClosed,
	type Visitor,
} from './visitor.ts';
import { isExpired } from './watch-expiry.ts';

/** The handler of HTTP+SSE (mcp 2024-11-05: transports): a stream for all answers, and POSTs that only carry messages. */
export interface SsePlane {
	/** Answers one request at this door; rejects only when the response is beyond use. */
	handle(door: Door, request: IncomingMessage, response: ServerResponse): Promise<void>;
	/** Ends the streams of whom `isAffected` says so, each after the answers to its calls in flight. */
	endStreams(isAffected: (principal: Principal) => boolean): void;
}

interface SsePlaneParts extends DataPlaneParts {
	readonly isTouched: IsTouched;
}

interface Plane extends SsePlaneParts {
	readonly sessions: SseSessions;
}

/** Builds the handler; it shares stages and refusals with Streamable HTTP. */
export function createSsePlane(built: SsePlaneParts): SsePlane {
	const { snapshots } = built;
	const plane: Plane = { ...built, sessions: createSseSessions(built.renew) };
	const parts = { ...plane, admit: (visitor: Visitor) => admit(plane, visitor, 'messages') };
	return {
		async handle(door, request, response) {
			const visitor = receive(snapshots, request, response);
			try {
				await (door === 'sse' ? openStream(plane, visitor) : takeMessage(parts, visitor));
			} catch (error) {
				sendFault(visitor, door, toPortcullisError(error));
			}
		},
		endStreams: plane.sessions.retire,
	};
}

function admit(plane: Plane, visitor: Visitor, door: Door): Address {
	refuseWhenClosed(plane);
	const address = addressFor(visitor, door);
	if (!['POST', 'GET', 'DELETE'].includes(visitor.request.method ?? ''))
		throw new PortcullisError('PC_METHOD_NOT_ALLOWED');
	return address;
}

async function openStream(plane: Plane, visitor: Visitor): Promise<void> {
	const { response, snapshots } = visitor;
	const since = snapshots.current();
	const { session, principal } = await openSession(plane, visitor);
	response.once('close', () => {
		session.close();
		void end(plane.stages, session);
	});
	if (response.destroyed) return session.close();
	const endpoint = `${pathOf(session.address).slice(0, -'mcp'.length)}messages?sessionId=${session.id}`;
	session.attach(openSseStream(response, { headers: commonHeaders(visitor), endpoint }));
	// Allowed by a configuration that is gone by now, or by a gateway that has begun to stop since.
	if (plane.isDraining() || plane.isTouched(principal, since)) session.retire();
}

async function openSession(plane: Plane, visitor: Visitor): Promise<Opened> {
	const opening: Opening = { address: undefined, session: undefined, principal: undefined };
	try {
		await handleCall(plane.stages, exchangeFor(plane, visitor, opening));
		return opening as Opened;
	} catch (error) {
		opening.session?.close();
		throw error;
	}
}

/** What becomes known of a stream while the stages look at it. */
interface Opening {
	address: Address | undefined;
	session: SseSession | undefined;
	principal: Principal | undefined;
}

interface Opened {
	readonly session: SseSession;
	readonly principal: Principal;
}

function exchangeFor(plane: Plane, visitor: Visitor, opening: Opening): Exchange {
	const { requestId, request } = visitor;
	return {
		requestId,
		presented: presentedBy(request),
		acceptsStream: true,
		endsWithConnection: false,
		admit() {
			opening.address = admit(plane, visitor, 'sse');
			return opening.address;
		},
		async readCall(principal: Principal) {
			if (request.method !== 'GET') throw new PortcullisError('PC_METHOD_NOT_ALLOWED');
			if (isExpired(principal)) throw new PortcullisError('PC_TOKEN_EXPIRED');
			opening.principal = principal;
			opening.session = plane.sessions.begin(principal, opening.address as Address);
			opening.session.presented = presentedBy(request);
			return streamCall('listen', NO_HEADERS);
		},
		disconnected: () => NEVER,
	};
}

const NO_HEADERS: ReadonlyMap<string, string> = new Map([]);

function sendFault(visitor: Visitor, door: Door, error: PortcullisError): void {
	const { response } = visitor;
	if (response.destroyed) return;
	if (response.headersSent) return void response.destroy();
	const { status, headers, body } = refuseVisitor(visitor, error, undefined);
	const own = status === 405 && door === 'sse' ? { ...headers, allow: 'GET' } : headers;
	sendBody({ response, common: commonHeaders(visitor) }, status, own, body);
}
