import { randomUUID } from 'node:crypto';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { ScopeKey } from '../lib/scope.ts';
import type { Conversation } from './conversation.ts';

/** Calls whose server waits for an answer that a modern caller brings with a call of its own. */
export interface ParkedCalls {
	/** Keeps it until it is taken or the time is over; then the server is told that the call is cancelled. */
	park(conversation: Conversation, ttlMs: number): string;
	/** The call with this name, once; `undefined` when it was taken, has expired, or waits in another process. */
	take(name: string): Conversation | undefined;
	readonly size: number;
	/** Cancels the calls of every scope that is not kept: no state of theirs is good any more. */
	retire(isKept: (key: ScopeKey) => boolean): void;
	/** Cancels all; resolves when each has ended. */
	close(): Promise<void>;
}

interface Parked {
	readonly conversation: Conversation;
	readonly timer: NodeJS.Timeout;
}

/** Whoever never comes back must not fill the memory: beyond this the oldest is cancelled. */
const MAX_PARKED = 10_000;

/** An empty park. */
export function createParkedCalls(): ParkedCalls {
	const parked = new Map<string, Parked>();
	const drop = (name: string): Conversation | undefined => {
		const found = parked.get(name);
		clearTimeout(found?.timer);
		parked.delete(name);
		return found?.conversation;
	};
	const expire = (name: string): void => drop(name)?.dialogue.cancel(new PortcullisError('PC_QUESTION_UNANSWERED'));
	return {
		park(conversation, ttlMs) {
			const oldest = parked.size >= MAX_PARKED ? parked.keys().next().value : undefined;
			if (oldest !== undefined) expire(oldest);
			const name = randomUUID();
			parked.set(name, { conversation, timer: setTimeout(expire, ttlMs, name).unref() });
			return name;
		},
		take: drop,
		get size() {
			return parked.size;
		},
		retire(isKept) {
			for (const [name, { conversation }] of parked) if (!isKept(conversation.scope)) expire(name);
		},
		async close() {
			const ended = [...parked.values()].map(({ conversation }) => conversation.dialogue.ended);
			for (const name of [...parked.keys()]) expire(name);
			await Promise.all(ended);
		},
	};
}
