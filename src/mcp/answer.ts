/** Takes the frames of a streamed answer, one JSON-RPC message each. */
export interface FrameSink {
	/** Hands over one frame; resolves when the next one may come (back-pressure). Rejects when the caller is gone. */
	write(frame: Frame): Promise<void> | void;
	/** Hands over the frame with the final response; the audit record is kept before it leaves. */
	last(frame: Frame): Promise<void>;
}

/** One server-sent event; `data` is JSON text, or empty for a priming event. */
export interface Frame {
	readonly data: string;
	readonly id?: string | undefined;
	/** Milliseconds the client should wait before it reconnects. */
	readonly retry?: number | undefined;
	/** Of a final response: whether it is an error or a tool result with `isError`. */
	readonly failed?: boolean;
}

/** How a stream ended: with its final response, cut by the upstream, or ended without one by design (GET, polling). */
export type StreamEnd = 'complete' | 'cut' | 'open-ended';

/** What the gateway answers to one call. Only the edge turns it into HTTP. */
export type Answer =
	| {
			readonly kind: 'message';
			readonly status: number;
			readonly body: string | Buffer;
			readonly headers: Readonly<Record<string, string>>;
			/** Whether the body carries a JSON-RPC error or a tool result with `isError`. */
			readonly failed: boolean;
	  }
	| { readonly kind: 'empty'; readonly status: number; readonly headers: Readonly<Record<string, string>> }
	| {
			readonly kind: 'stream';
			readonly headers: Readonly<Record<string, string>>;
			/** Pushes all frames into the sink; resolves when the stream has ended. */
			pump(sink: FrameSink): Promise<StreamEnd>;
	  };

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** A JSON answer with status 200. */
export function messageAnswer(body: string | Buffer, headers: Readonly<Record<string, string>> = NO_HEADERS): Answer {
	return { kind: 'message', status: 200, body, headers, failed: false };
}

/** An answer without a body, such as 202 for a notification. */
export function emptyAnswer(status: number): Answer {
	return { kind: 'empty', status, headers: NO_HEADERS };
}
