import type { ServerResponse } from 'node:http';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { keepAlive } from './keep-alive.ts';
import { drained, frameText, STREAM_HEADERS } from './send-answer.ts';

/** The stream of one HTTP+SSE session: all answers, notifications and questions for its client. */
export interface SseStream {
	/**
	 * Writes one JSON-RPC message, after the client has taken what was written before. Rejects with PC_CALL_CANCELLED when
	 * the stream has ended.
	 */
	send(data: string): Promise<void>;
	/** Ends the stream; harmless when it has ended. */
	end(): void;
}

/** What a stream begins with. */
export interface SseOpening {
	readonly headers: Readonly<Record<string, string>>;
	/** Where the client posts its messages. */
	readonly endpoint: string;
}

/** Opens the stream; its first event tells the client where to post (mcp 2024-11-05: transports, HTTP with SSE). */
export function openSseStream(response: ServerResponse, { headers, endpoint }: SseOpening): SseStream {
	response.writeHead(200, { ...headers, ...STREAM_HEADERS });
	response.write(`event: endpoint\ndata: ${endpoint}\n\n`);
	keepAlive(response);
	// One wait for all writers: a listener each would be a leak in the eyes of node, and soon in fact.
	let behind: Promise<void> | undefined;
	const catchUp = async (): Promise<void> => {
		await drained(response).catch(() => undefined);
		behind = undefined;
	};
	return {
		async send(data) {
			while (behind !== undefined) await behind;
			if (response.destroyed || response.writableEnded) throw new PortcullisError('PC_CALL_CANCELLED');
			if (!response.write(frameText({ data }))) behind = catchUp();
		},
		end: () => void response.end(),
	};
}
