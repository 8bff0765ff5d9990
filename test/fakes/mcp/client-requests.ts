import { randomUUID } from 'node:crypto';
import type { RpcRequest } from './behaviour.mjs';

/** A message that may be the client's answer to one of our requests. */
export type ClientMessage = Partial<RpcRequest> & { readonly result?: unknown; readonly error?: unknown };

/** Requests of a legacy server to its client, waiting for an answer. */
export interface ClientRequests<Session> {
	/**
	 * Sends a request with `send` and waits for what the client of this session answers. A cancelled call withdraws the
	 * request; then, and when the session ends, the promise is rejected.
	 */
	ask(asked: Asked<Session>, request: RpcRequest): Promise<unknown>;
	/** Takes an answer; false when this session was asked nothing with that id. */
	settle(session: Session, message: ClientMessage): boolean;
	/** Gives up everything this session was asked. */
	abandon(session: Session): void;
}

/** Who is asked, how, and until when. */
export interface Asked<Session> {
	readonly session: Session;
	readonly send: (message: object) => void;
	readonly signal?: AbortSignal | undefined;
}

interface Waiting<Session> {
	readonly session: Session;
	readonly resolve: (answer: unknown) => void;
	readonly reject: (error: Error) => void;
}

/** Keeps the requests by id, and takes an answer only from the session that was asked. */
export function createClientRequests<Session>(): ClientRequests<Session> {
	const waiting = new Map<unknown, Waiting<Session>>();
	return {
		ask({ session, send, signal }, { method, params }) {
			const id = `server-${randomUUID()}`;
			return new Promise((resolve, reject) => {
				if (signal?.aborted) return reject(new Error('the call was cancelled'));
				waiting.set(id, { session, resolve, reject });
				signal?.addEventListener('abort', () => {
					if (!waiting.delete(id)) return;
					send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
					reject(new Error('the call was cancelled'));
				});
				send({ jsonrpc: '2.0', id, method, params });
			});
		},
		abandon(session) {
			for (const [id, entry] of waiting) {
				if (entry.session !== session) continue;
				waiting.delete(id);
				entry.reject(new Error('the session has ended'));
			}
		},
		settle(session, { id, result, error }) {
			const entry = waiting.get(id);
			if (entry?.session !== session) return false;
			waiting.delete(id);
			entry.resolve(error === undefined ? result : { error });
			return true;
		},
	};
}
