import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, distort, type Hostile } from './behaviour.mjs';
import type { EventLog } from './event-log.ts';

/** How a POST is answered: `auto` is JSON until something must be said before the answer. */
export type AnswerMode = 'json' | 'sse' | 'auto';

/** The answer to one POST, as JSON or as an event stream. */
export interface Reply {
	/** Sends a message before the answer; false when this reply is plain JSON and cannot. */
	event(message: object): boolean;
	/** Makes this an event stream, unless it must be plain JSON. */
	open(): void;
	/** Ends the connection before the answer, when the client can come back for it. */
	pause(): void;
	/** Ends without an answer. */
	end(): void;
	answer(answer: Answer): Promise<void>;
}

/** What a reply needs to know. */
export interface ReplyOptions {
	readonly mode: AnswerMode;
	readonly hostile?: Hostile | undefined;
	/** Numbers the events (`id:`), as a legacy server with resumable streams does. */
	readonly eventIds?: boolean | undefined;
	readonly headers?: Readonly<Record<string, string>>;
	/** Keeps the events of the stream, so that the client can come back for them. */
	readonly log?: EventLog | undefined;
}

const SSE_HEADERS = {
	'content-type': 'text/event-stream',
	'cache-control': 'no-cache, no-transform',
	'x-accel-buffering': 'no',
};

/** Opens an event stream and returns the way to write one event. */
export function openEventStream(
	response: ServerResponse,
	{ eventIds, headers, log }: Pick<ReplyOptions, 'eventIds' | 'headers' | 'log'> = {},
): (text: string) => void {
	response.writeHead(200, { ...SSE_HEADERS, ...headers });
	response.flushHeaders();
	if (log) {
		log.attach(response, 0);
		return log.append;
	}
	return (text) => {
		if (response.writableEnded) return;
		const id = eventIds ? `id: ${randomUUID()}\n` : '';
		response.write(`event: message\n${id}data: ${text}\n\n`);
	};
}

async function drip(response: ServerResponse, everyMs: number): Promise<void> {
	while (!response.destroyed) {
		response.write(': drip\n\n');
		await sleep(everyMs);
	}
}

function cutBody(response: ServerResponse, text: string): void {
	response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
	response.write(text.slice(0, text.length / 2), () => response.destroy());
}

/** Answers one POST; the hostility chooses how. */
export function createReply(response: ServerResponse, options: ReplyOptions): Reply {
	const { mode, hostile, headers, log } = options;
	let write: ((text: string) => void) | undefined;
	const stream = () => {
		write ??= openEventStream(response, options);
		return write;
	};
	if (mode === 'sse') stream();

	function sendAll(texts: readonly string[]): void {
		const write = stream();
		for (const text of texts) write(text);
		end();
	}

	function end(): void {
		if (write !== undefined && log) log.end();
		else response.end();
	}

	function sendBody(text: string, status: number): void {
		const type = hostile?.kind === 'wrong-content-type' ? 'text/plain' : 'application/json';
		response.writeHead(status, { 'content-type': type, ...headers }).end(text);
	}

	return {
		event(message) {
			if (mode === 'json') return false;
			stream()(JSON.stringify(message));
			return true;
		},
		open() {
			if (mode !== 'json') stream();
		},
		pause() {
			if (write !== undefined) log?.detach();
		},
		end,
		async answer(answer) {
			if (hostile?.kind === 'delay') await sleep(hostile.delayMs);
			if (hostile?.kind === 'drip') {
				stream();
				return drip(response, hostile.everyMs ?? 20);
			}
			if (hostile?.kind === 'silent-end') return sendAll([]);
			const texts = distort(hostile, answer);
			if (hostile?.kind === 'cut-body') return cutBody(response, texts.join(''));
			const asStream = write !== undefined || texts.length > 1;
			if (asStream) sendAll(texts);
			else sendBody(texts.join(''), answer.status);
		},
	};
}
