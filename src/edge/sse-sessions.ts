import { randomBytes } from 'node:crypto';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import type { Presented } from '../identity/presented.ts';
import type { Principal } from '../identity/principal.ts';
import { type CancelSignal, createCancel } from '../lib/cancel.ts';
import { type Address, pathOf } from '../mcp/address.ts';
import { holdTheSame } from './is-touched.ts';
import type { SseStream } from './sse-stream.ts';
import { type ExpiryWatch, watchExpiry } from './watch-expiry.ts';

/**
 * Streams one person may have open. A desktop client opens one for each configured address; beyond that it is a client
 * that forgets to close, and each costs a socket and perhaps a session of the server.
 */
export const MAX_STREAMS = 32;

/** Calls in flight on one stream. Their POSTs are answered at once, so no connection bounds them. */
export const MAX_CALLS = 128;

/** The server's own stream of a session: not asked for yet, to be opened, open, or not offered. */
export type Listening = 'early' | 'wanted' | 'open' | 'refused';

/** What belongs to one open stream of HTTP+SSE; it ends with it. */
export interface SseSession {
	/** Names the session in the address of its messages; 128 random bits. */
	readonly id: string;
	readonly address: Address;
	/** Aborts when the stream has ended: nobody is left to answer. */
	readonly gone: CancelSignal;
	/** What the client's latest request presented; under its token the gateway acts for it in between. */
	presented: Presented;
	/** `Mcp-Session-Id` of the MCP session within, which the client never sees. */
	mcpSessionId: string | undefined;
	/** Revision that `initialize` agreed on; servers of Streamable HTTP want to hear it again with each message. */
	revision: string | undefined;
	/** Pending while `notifications/initialized` is on its way, which later messages must not overtake. */
	handshake: Promise<void> | undefined;
	listening: Listening;
	/** Aborts when the server's own stream is no longer wanted. */
	readonly unheard: CancelSignal;
	/** Whether no further call is taken. */
	readonly retired: boolean;
	attach(stream: SseStream): void;
	/** Writes one message to the client. Rejects with PC_CALL_CANCELLED when the stream has ended. */
	send(data: string): Promise<void>;
	/** Counts a call; the function returned ends the count. Throws PC_TOO_MANY_OPEN. */
	beginCall(idText: string): () => void;
	/** Ends the stream as soon as the calls in flight are answered. */
	retire(): void;
	/** The stream has ended. */
	close(): void;
}

/** The open streams of HTTP+SSE. */
export interface SseSessions {
	/** Throws PC_TOO_MANY_OPEN. */
	begin(principal: Principal, address: Address): SseSession;
	/** The principal's own session at this address; throws PC_SESSION_UNKNOWN for everybody else's as for none. */
	find(id: string, principal: Principal, address: Address): SseSession;
	/** Retires the sessions of whom `isAffected` says so; of a session that saw several tokens, for any of them. */
	retire(isAffected: (principal: Principal) => boolean): void;
}

interface Owned {
	readonly owner: string;
	/** The owner as each kind of token showed them, by what they held: the latest of each. */
	seen: readonly Principal[];
	readonly session: SseSession;
	/** Of the latest of all tokens that the session saw. */
	readonly expiry: ExpiryWatch;
}

/** A registry without sessions. One whose tokens have all expired is retired, unless `renew` knows the person for longer. */
export function createSseSessions(renew: Authenticator['renew'] = () => undefined): SseSessions {
	const open = new Map<string, Owned>();
	const counts = new Map<string, number>();
	const count = (owner: string, change: 1 | -1): void => {
		const now = (counts.get(owner) ?? 0) + change;
		if (now === 0) counts.delete(owner);
		else counts.set(owner, now);
	};
	return {
		begin(principal, address) {
			const owner = principal.key;
			if ((counts.get(owner) ?? 0) >= MAX_STREAMS) throw new PortcullisError('PC_TOO_MANY_OPEN');
			count(owner, 1);
			const id = randomBytes(16).toString('base64url');
			const onClosed = (): void => {
				expiry.stop();
				if (open.delete(id)) count(owner, -1);
			};
			const session = createSession(id, address, onClosed);
			const expiry = watchExpiry({ principal, renew, onExpired: session.retire });
			open.set(id, { owner, seen: [principal], session, expiry });
			return session;
		},
		find(id, principal, address) {
			const found = open.get(id);
			const isTheirs = found?.owner === principal.key && pathOf(found.session.address) === pathOf(address);
			if (found === undefined || !isTheirs) throw new PortcullisError('PC_SESSION_UNKNOWN');
			found.expiry.extend(principal);
			found.seen = [...found.seen.filter((each) => !holdTheSame(each, principal)), principal];
			return found.session;
		},
		retire(isAffected) {
			for (const { seen, session } of open.values()) if (seen.some(isAffected)) session.retire();
		},
	};
}

function createSession(id: string, address: Address, onClosed: () => void): SseSession {
	const gone = createCancel();
	const unheard = createCancel();
	let stream: SseStream | undefined;
	let inFlight = 0;
	let retired = false;
	const endWhenIdle = (): void => {
		if (retired && inFlight === 0) stream?.end();
	};
	return {
		id,
		address,
		gone: gone.signal,
		unheard: unheard.signal,
		presented: { rawHeaders: [], remoteAddress: '' },
		mcpSessionId: undefined,
		revision: undefined,
		handshake: undefined,
		listening: 'early',
		get retired() {
			return retired;
		},
		attach(opened) {
			stream = opened;
			endWhenIdle();
		},
		send: (data) => stream?.send(data) ?? Promise.reject(new PortcullisError('PC_CALL_CANCELLED')),
		beginCall(idText) {
			if (inFlight >= MAX_CALLS) throw new PortcullisError('PC_TOO_MANY_OPEN', { idText });
			inFlight++;
			return () => {
				inFlight--;
				endWhenIdle();
			};
		},
		retire() {
			retired = true;
			unheard.abort(undefined);
			endWhenIdle();
		},
		close() {
			onClosed();
			unheard.abort(undefined);
			gone.abort(new PortcullisError('PC_CALL_CANCELLED'));
		},
	};
}
