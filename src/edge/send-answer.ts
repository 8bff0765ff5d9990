import type { ServerResponse } from 'node:http';
import { PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import type { Answer, Frame, FrameSink } from '../mcp/answer.ts';
import { keepAlive } from './keep-alive.ts';
import type { Refusal } from './refusal.ts';

/** Headers of every event stream. */
export const STREAM_HEADERS = {
	'content-type': 'text/event-stream',
	// What is somebody's own is not for a cache, and a proxy that compresses holds events back (RFC 9111 §5.2.2).
	'cache-control': 'no-store, no-transform',
	// Asks NGINX and its kin not to hold frames back (mcp 2026-07-28: basic/transports).
	'x-accel-buffering': 'no',
};

/** How one response is written. */
export interface Sending {
	readonly response: ServerResponse;
	/** Headers of every answer to this request, such as the request id. */
	readonly common: Readonly<Record<string, string>>;
	/** Renders an error that happens after the answer has begun. */
	refuse(error: PortcullisError): Refusal;
}

/** Writes a JSON body with exact length. */
export function sendBody(
	sending: Pick<Sending, 'response' | 'common'>,
	status: number,
	headers: Readonly<Record<string, string>>,
	body: string | Buffer,
): void {
	const length = String(Buffer.byteLength(body));
	const own = { 'content-type': 'application/json', 'content-length': length };
	sending.response.writeHead(status, Object.assign(own, sending.common, headers)).end(body);
}

/** Writes a refusal. */
export function sendRefusal(sending: Sending, refusal: Refusal): void {
	sendBody(sending, refusal.status, refusal.headers, refusal.body);
}

/** Writes an answer; resolves when its last byte has been handed over. */
export async function sendAnswer(sending: Sending, answer: Answer): Promise<void> {
	if (answer.kind === 'message') return sendBody(sending, answer.status, answer.headers, answer.body);
	if (answer.kind === 'stream') return sendStream(sending, answer);
	sending.response.writeHead(answer.status, { ...sending.common, ...answer.headers }).end();
}

type StreamAnswer = Extract<Answer, { kind: 'stream' }>;

async function sendStream(sending: Sending, answer: StreamAnswer): Promise<void> {
	const { response } = sending;
	response.writeHead(200, { ...sending.common, ...STREAM_HEADERS, ...answer.headers });
	response.flushHeaders();
	keepAlive(response);
	try {
		await answer.pump(responseSink(response));
	} catch (error) {
		// The status line is gone, so the error travels as the stream's last message, unless the stream has ended before.
		if (!response.writableEnded) response.write(frameText({ data: sending.refuse(toPortcullisError(error)).body }));
	} finally {
		response.end();
	}
}

function responseSink(response: ServerResponse): FrameSink {
	const write = (frame: Frame): Promise<void> | void => {
		if (response.destroyed || response.writableEnded) return Promise.reject(new PortcullisError('PC_CALL_CANCELLED'));
		if (!response.write(frameText(frame))) return drained(response);
	};
	return {
		write,
		async last(frame) {
			if (!response.destroyed) await write(frame);
		},
	};
}

/** Resolves when a response takes more again; rejects when it has closed. */
export function drained(response: ServerResponse): Promise<void> {
	return new Promise((resolve, reject) => {
		const onDrain = (): void => settle(resolve);
		const onClose = (): void => settle(() => reject(new PortcullisError('PC_CALL_CANCELLED')));
		const settle = (finish: () => void): void => {
			response.off('drain', onDrain).off('close', onClose);
			finish();
		};
		response.once('drain', onDrain).once('close', onClose);
	});
}

/** One server-sent event. Always `message`: an upstream's own type could make a careless client do something else. */
export function frameText({ data, id, retry }: Frame): string {
	const idLine = id === undefined ? '' : `id: ${id}\n`;
	const retryLine = retry === undefined ? '' : `retry: ${retry}\n`;
	return `event: message\n${idLine}${retryLine}data: ${data.replaceAll('\n', '\ndata: ')}\n\n`;
}

/** The final message of an answer as plain text, for callers that take no stream; `undefined` when it has none. */
export async function collapse(answer: Answer): Promise<string | undefined> {
	if (answer.kind === 'empty') return undefined;
	if (answer.kind === 'message') return answer.body.toString();
	let final: string | undefined;
	await answer.pump({
		write: () => undefined,
		async last(frame) {
			final = frame.data;
		},
	});
	return final;
}
