import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

/** The events of one stream: they outlive its connection, so that a client can come back for the rest. */
export interface EventLog {
	readonly id: string;
	append(text: string): void;
	/** No event follows; ends the connection once all are sent. */
	end(): void;
	/** Sends on this connection all events after the given one, then those to come. */
	attach(response: ServerResponse, after: number): void;
	/** Ends the connection and keeps what follows. */
	detach(): void;
}

/** How long a client that lost its stream should wait, in milliseconds. */
const RETRY_MS = 50;

/** Where an event stands: its stream, and its number there; 0 is the event that only primes the client. */
export function parseEventId(value: string | undefined): { log: string; after: number } | undefined {
	const [, log, after] = /^(.+)_(\d+)$/.exec(value ?? '') ?? [];
	return log === undefined ? undefined : { log, after: Number(after) };
}

/** An empty log without a connection. */
export function createEventLog(): EventLog {
	const id = randomUUID();
	const texts: string[] = [];
	let live: ServerResponse | undefined;
	let ended = false;

	const write = (number: number) => live?.write(`event: message\nid: ${id}_${number}\ndata: ${texts[number - 1]}\n\n`);

	return {
		id,
		append(text) {
			texts.push(text);
			write(texts.length);
		},
		end() {
			ended = true;
			live?.end();
		},
		attach(response, after) {
			live = response;
			response.on('close', () => {
				if (live === response) live = undefined;
			});
			if (after === 0) response.write(`id: ${id}_0\nretry: ${RETRY_MS}\ndata: \n\n`);
			for (let number = after + 1; number <= texts.length; number++) write(number);
			if (ended) response.end();
		},
		detach() {
			live?.end();
			live = undefined;
		},
	};
}
