import type { Dispatcher } from 'undici';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { createSseParser, type ServerSentEvent } from '../lib/sse-parser.ts';

/** Events of a stream, pulled one by one; the socket is paused while nobody pulls. */
export interface EventFeed {
	/** Next event; `undefined` when the stream has ended. Rejects with a PortcullisError when it broke. */
	next(): Promise<ServerSentEvent | undefined>;
	/** Ends the exchange; harmless when it has ended. */
	cancel(): void;
}

const QUEUE_HIGH = 32;

/** The writing end of a feed. */
export interface FeedInput {
	readonly feed: EventFeed;
	push(chunk: Buffer): boolean;
	end(): void;
	fail(error: PortcullisError): void;
}

type Waiter = { resolve(event: ServerSentEvent | undefined): void; reject(error: Error): void };

/** A feed over one response; `frameBytes` is the longest event taken, in characters. */
export function createFeed(frameBytes: number, controller: Dispatcher.DispatchController): FeedInput {
	const queue: ServerSentEvent[] = [];
	let waiter: Waiter | undefined;
	let ended: { readonly error: PortcullisError | undefined } | undefined;

	const settle = (waiting: Waiter): void => {
		const event = queue.shift();
		if (event !== undefined) waiting.resolve(event);
		else if (ended?.error !== undefined) waiting.reject(ended.error);
		else if (ended !== undefined) waiting.resolve(undefined);
		else waiter = waiting;
	};
	const wake = (): void => {
		const waiting = waiter;
		waiter = undefined;
		if (waiting !== undefined) settle(waiting);
	};
	const parser = createSseParser(frameBytes, (event) => {
		queue.push(event);
		if (queue.length > QUEUE_HIGH) controller.pause();
		wake();
	});
	const finish = (error: PortcullisError | undefined): void => {
		ended ??= { error };
		wake();
	};

	const feed: EventFeed = {
		next: () =>
			new Promise((resolve, reject) => {
				settle({ resolve, reject });
				if (queue.length <= QUEUE_HIGH && controller.paused) controller.resume();
			}),
		cancel() {
			if (ended === undefined) controller.abort(new PortcullisError('PC_CALL_CANCELLED'));
		},
	};
	return { feed, push: (chunk) => parser.push(chunk), end: () => finish(undefined), fail: finish };
}
