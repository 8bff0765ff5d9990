import { errorCode, PortcullisError } from '../errors/portcullis-error.ts';
import type { CancelSignal } from '../lib/cancel.ts';
import type { Frame } from '../mcp/answer.ts';
import { asObject, type Call } from '../mcp/call.ts';
import { handleCall, type Stages } from '../pipeline.ts';
import { innerExchange, watchedSink } from './sse-inner-calls.ts';
import type { SseSession } from './sse-sessions.ts';

/** A streamed answer that the server ended before its response, to be asked for the rest. */
export interface Unfinished {
	readonly call: Call;
	/** The frame after which the rest begins. */
	readonly last: Frame;
}

const RETRY_MS = 1_000;
const FEWEST_RETRY_MS = 100;

/**
 * Fetches the rest of an answer (mcp 2025-11-25: transports, SSE polling). Rejects with PC_UPSTREAM_FAILED when the
 * server has nothing more to say.
 */
export async function resume(stages: Stages, session: SseSession, { call, last }: Unfinished): Promise<void> {
	let at = last;
	for (let isAnswered = false; !isAnswered; ) {
		await pause(Math.max(at.retry ?? RETRY_MS, FEWEST_RETRY_MS), session.gone);
		const before = at;
		const sink = watchedSink(session, (frame) => {
			if (frame.id !== undefined) at = { ...frame, retry: frame.retry ?? at.retry };
			isAnswered ||= isResponseTo(call, frame);
		});
		const rest = innerExchange(session, { kind: 'listen', gone: session.gone, lastEventId: before.id });
		const answer = await handleCall(stages, rest).catch(throwAsFailure);
		if (answer.kind === 'stream') await answer.pump(sink);
		if (!isAnswered && at === before) throw new PortcullisError('PC_UPSTREAM_FAILED', { detail: 'nothing to resume' });
	}
}

// That there is no stream to open is no news for a client that called a tool.
function throwAsFailure(error: unknown): never {
	if (errorCode(error) !== 'PC_METHOD_NOT_ALLOWED') throw error;
	throw new PortcullisError('PC_UPSTREAM_FAILED', { detail: 'nothing to resume' }, { cause: error });
}

function isResponseTo(call: Call, { data }: Frame): boolean {
	const message = data === '' ? undefined : asObject(JSON.parse(data));
	return message?.['id'] === call.id && message?.['method'] === undefined;
}

function pause(ms: number, gone: CancelSignal): Promise<void> {
	return new Promise((resolve, reject) => {
		const settle = (finish: () => void): void => {
			clearTimeout(timer);
			gone.removeEventListener('abort', onGone);
			finish();
		};
		const onGone = (): void => settle(() => reject(new PortcullisError('PC_CALL_CANCELLED')));
		const timer = setTimeout(settle, ms, resolve);
		gone.addEventListener('abort', onGone);
		if (gone.aborted) onGone();
	});
}
