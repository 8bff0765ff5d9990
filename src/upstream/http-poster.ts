import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'undici';
import type { NetworkTransport, Server } from '../config/snapshot.ts';
import type { Attached } from '../credentials/attach-credential.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { type CancelSignal, createCancel } from '../lib/cancel.ts';
import { type HttpLimits, type HttpReply, type HttpRequest, sendHttp } from './http-exchange.ts';
import { isLostSession } from './reply-status.ts';
import { createStamp, type Stamp } from './stamp.ts';
import type { WireEvents } from './wire.ts';

/** What an http wire is made of. */
export interface HttpWireParts {
	readonly server: Server & { readonly transport: NetworkTransport };
	/** Where the server answers this credential. */
	readonly url: URL;
	readonly pool: Pool;
	/** Rendered headers of the credential, by lower-case name. */
	readonly credentialHeaders: Readonly<Record<string, string>>;
	/** Told when the server refuses them. */
	readonly refused?: Attached['refused'];
	readonly events: WireEvents;
	misdirected(): void;
}

const ACCEPT = 'application/json, text/event-stream';
const CLOSE_MS = 1_000;

/** One HTTP request of a wire; the gateway's own stamp and no signal where none are given. */
export interface Sending {
	readonly method: HttpRequest['method'];
	readonly body: string | null;
	readonly headers?: Readonly<Record<string, string>>;
	readonly stamp?: Stamp;
	readonly signal?: CancelSignal | undefined;
	readonly limits?: HttpLimits;
}

/** Sends what belongs to one session: agreed revision, session id and credential on every request. */
export interface Poster {
	/** The request with all that belongs to the session. */
	requestFor(sending: Sending): HttpRequest;
	send(sending: Sending): Promise<HttpReply>;
	/** Answers a question of the server, or tells it of a cancellation; best effort. */
	reply(text: string): void;
	/** Aborts when such a message showed that the server has forgotten the session. */
	readonly lost: CancelSignal;
	/** Sends what is answered by a stream without end. */
	sendEndless(sending: Sending): Promise<HttpReply>;
	settle(revision: string): void;
	adoptSession(id: string | string[] | undefined): void;
	hasSession(): boolean;
	close(): Promise<void>;
}

/** A poster without a session yet. */
export function createPoster(parts: HttpWireParts): Poster {
	const { workspace, slug, limits } = parts.server;
	const { url } = parts;
	const stamp = createStamp(workspace, slug, 'gateway');
	const listening = new AbortController();
	const lost = createCancel();
	const replies = new Set<Promise<void>>();
	let revision: string | undefined;
	let sessionId: string | undefined;

	const requestFor: Poster['requestFor'] = (sending) => ({
		method: sending.method,
		path: url.pathname + url.search,
		headers: headersFor(parts, { revision, sessionId }, sending.headers),
		body: sending.body,
		signal: sending.signal,
		stamp: sending.stamp ?? stamp,
		limits: sending.limits ?? limits,
	});
	const send: Poster['send'] = (sending) => sendHttp(parts.pool, requestFor(sending));
	const sendEndless: Poster['sendEndless'] = (sending) =>
		send({ ...sending, signal: listening.signal, limits: { ...limits, idleMs: 0, totalMs: 0, resultBytes: 0 } });
	return {
		requestFor,
		send,
		sendEndless,
		lost: lost.signal,
		reply(text) {
			const taken = send({ method: 'POST', body: text }).then((answer) => {
				answer.events?.cancel();
				if (sessionId !== undefined && isLostSession(answer)) lost.abort(lostSession(parts.events));
			});
			const sent = taken.catch(() => undefined).finally(() => replies.delete(sent));
			replies.add(sent);
		},
		settle(agreed) {
			revision = agreed;
		},
		adoptSession(id) {
			if (typeof id === 'string') sessionId = id;
		},
		hasSession: () => sessionId !== undefined,
		async close() {
			listening.abort();
			if (sessionId === undefined) return;
			// In this order, or the server would refuse a last cancellation for want of a session.
			if (replies.size > 0) await Promise.race([Promise.all(replies), sleep(CLOSE_MS, undefined, { ref: false })]);
			const quick = { ...limits, firstByteMs: CLOSE_MS, totalMs: CLOSE_MS };
			await send({ method: 'DELETE', body: null, limits: quick }).catch(() => undefined);
		},
	};
}

interface Agreed {
	readonly revision: string | undefined;
	readonly sessionId: string | undefined;
}

function headersFor(
	{ credentialHeaders }: HttpWireParts,
	{ revision, sessionId }: Agreed,
	extra: Readonly<Record<string, string>> = {},
): Record<string, string> {
	return {
		'content-type': 'application/json',
		accept: ACCEPT,
		...(revision !== undefined && { 'mcp-protocol-version': revision }),
		...(sessionId !== undefined && { 'mcp-session-id': sessionId }),
		...extra,
		...credentialHeaders,
	};
}

/** Ends a session that the server has forgotten; gives the error for the call that found out. */
export function lostSession(events: WireEvents): PortcullisError {
	const error = new PortcullisError('PC_UPSTREAM_SESSION_LOST');
	events.onClosed(error);
	return error;
}
