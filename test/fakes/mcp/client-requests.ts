import { randomUUID } from 'node:crypto';
import type { RpcRequest } from './behaviour.mjs';

/** A message that may be the client's answer to one of our requests. */
export type ClientMessage = Partial<RpcRequest> & { readonly result?: unknown; readonly error?: unknown };

/** Requests of a legacy server to its client, waiting for an answer. */
export interface ClientRequests<Session> {
	/** Sends a request with `send` and waits for what the client of this session answers. */
	ask(session: Session, send: (message: object) => void, request: RpcRequest): Promise<unknown>;
	/** Takes an answer; false when this session was asked nothing with that id. */
	settle(session: Session, message: ClientMessage): boolean;
}

/** Keeps the requests by id, and takes an answer only from the session that was asked. */
export function createClientRequests<Session>(): ClientRequests<Session> {
	const waiting = new Map<unknown, { session: Session; resolve: (answer: unknown) => void }>();
	return {
		ask(session, send, { method, params }) {
			const id = `server-${randomUUID()}`;
			return new Promise((resolve) => {
				waiting.set(id, { session, resolve });
				send({ jsonrpc: '2.0', id, method, params });
			});
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
