import { StringDecoder } from 'node:string_decoder';

/** One event of a `text/event-stream` (WHATWG HTML §9.2). */
export interface ServerSentEvent {
	readonly event: string | undefined;
	readonly data: string;
	readonly id: string | undefined;
	readonly retry: number | undefined;
}

/** Takes bytes, hands out events. */
export interface SseParser {
	/** Feeds bytes; returns `false` once an event or line has passed the size limit. */
	push(chunk: Buffer): boolean;
}

interface Draft {
	event: string | undefined;
	data: string[];
	id: string | undefined;
	retry: number | undefined;
	size: number;
}

const emptyDraft = (): Draft => ({ event: undefined, data: [], id: undefined, retry: undefined, size: 0 });

/** A parser that calls `onEvent` for each complete event of at most `maxChars` characters. */
export function createSseParser(maxChars: number, onEvent: (event: ServerSentEvent) => void): SseParser {
	const decoder = new StringDecoder('utf8');
	// The line that has begun. Only new text is searched for its end: a line in a million pieces must not cost a square.
	let rest = '';
	let afterCr = false;
	let draft = emptyDraft();

	const dispatch = (): void => {
		const done = draft;
		draft = emptyDraft();
		if (done.data.length === 0 && done.id === undefined && done.retry === undefined) return;
		onEvent({ event: done.event, data: done.data.join('\n'), id: done.id, retry: done.retry });
	};

	return {
		push(chunk) {
			const decoded = decoder.write(chunk);
			if (decoded === '') return true;
			// A CR ends a line by itself; a LF that follows it, maybe in the next chunk, belongs to the same end.
			const text = afterCr && decoded.startsWith('\n') ? decoded.slice(1) : decoded;
			afterCr = decoded.endsWith('\r');
			const lines = text.split(/\r\n|\n|\r/);
			lines[0] = rest + lines[0];
			rest = lines.pop() as string;
			for (const line of lines) {
				if (line === '') dispatch();
				else takeLine(draft, line);
				if (draft.size > maxChars) return false;
			}
			return rest.length + draft.size <= maxChars;
		},
	};
}

function takeLine(draft: Draft, line: string): void {
	draft.size += line.length;
	const colon = line.indexOf(':');
	if (colon === 0) return;
	const field = colon === -1 ? line : line.slice(0, colon);
	const value = colon === -1 ? '' : line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1);
	if (field === 'data') draft.data.push(value);
	else if (field === 'event') draft.event = value;
	else if (field === 'id' && !value.includes('\0')) draft.id = value;
	else if (field === 'retry' && /^\d{1,9}$/.test(value)) draft.retry = Number(value);
}
