import { PortcullisError } from '../errors/portcullis-error.ts';
import type { ErrorCode, Stage } from '../errors/table.ts';
import type { Answer, Frame, FrameSink, StreamEnd } from '../mcp/answer.ts';
import type { RecordKeeper } from './file-record.ts';

/** Facts of one call, told as they become known. No arguments, no results, no secrets. */
export interface TrailFacts {
	readonly address?: string;
	readonly principal?: { readonly issuer: string; readonly tid: string; readonly oid: string };
	readonly era?: string;
	readonly method?: string;
	readonly workspace?: string;
	readonly server?: string;
	/** Upstream's own name of the tool. */
	readonly tool?: string;
	readonly route?: string;
	readonly level?: string;
	/** Words of the decision, in order. */
	readonly reasons?: readonly string[];
	/** Grant rules behind the level. */
	readonly rules?: readonly string[];
	/** Which credential went along; never its value. */
	readonly credential?: string;
}

/**
 * How a call ended: `ok`; `error`, as the server answered; `refused` before anything went upstream; `failed` after;
 * `cut`, a stream that ended without its response.
 */
export type Outcome = 'ok' | 'error' | 'refused' | 'failed' | 'cut';

/** The record of one call: opened first, told each fact, closed last. */
export interface Trail {
	note(facts: TrailFacts): void;
	/** Writes what is about to go upstream. Rejects with PC_AUDIT_UNAVAILABLE when it cannot be kept: nothing goes then. */
	intend(): Promise<void>;
	/**
	 * Writes the outcome before the answer leaves; for a stream, before its last frame does. Rejects with
	 * PC_AUDIT_OUTCOME_LOST when it cannot be kept.
	 */
	close(answer: Answer): Promise<Answer>;
	/** Writes a refusal or failure. Rejects with PC_AUDIT_UNAVAILABLE when it cannot be kept. */
	fail(error: PortcullisError): Promise<void>;
}

/** What a trail is made with. */
export interface TrailParts {
	readonly records: RecordKeeper;
	/** Milliseconds since 1970. */
	now(): number;
	/** Told of every outcome, for metrics and the log. */
	onOutcome(outcome: TrailOutcome): void;
}

/** The end of one call. */
export interface TrailOutcome {
	readonly requestId: string;
	readonly facts: TrailFacts;
	readonly outcome: Outcome;
	readonly code: ErrorCode | undefined;
	readonly stage: Stage | undefined;
	readonly durationMs: number;
}

interface Ending {
	readonly outcome: Outcome;
	readonly error?: PortcullisError;
}

/** Opens the trail of a request. */
export function openTrail(parts: TrailParts, requestId: string): Trail {
	const openedAt = parts.now();
	const facts: { -readonly [K in keyof TrailFacts]: TrailFacts[K] } = {};
	let intended = false;
	let closed = false;

	const write = async (kind: 'intent' | 'outcome', known: object, lost: ErrorCode): Promise<void> => {
		const record = { time: new Date(parts.now()).toISOString(), kind, request: requestId, ...known };
		try {
			await parts.records.keep(JSON.stringify(record));
		} catch (cause) {
			throw new PortcullisError(lost, { detail: String((cause as { code?: unknown }).code) }, { cause });
		}
	};
	const end = async ({ outcome, error }: Ending): Promise<void> => {
		if (closed) return;
		closed = true;
		const durationMs = parts.now() - openedAt;
		parts.onOutcome({ requestId, facts, outcome, code: error?.code, stage: error?.stage, durationMs });
		const why = error === undefined ? undefined : { code: error.code, stage: error.stage, detail: error.facts.detail };
		// After an intent its facts stand there, under the same request id; only whose it is stands in both.
		const known = intended ? { workspace: facts.workspace, server: facts.server, tool: facts.tool } : facts;
		const lost = intended ? 'PC_AUDIT_OUTCOME_LOST' : 'PC_AUDIT_UNAVAILABLE';
		await write('outcome', { ...known, outcome, ...why, durationMs }, lost);
	};

	return {
		note(more) {
			Object.assign(facts, more);
		},
		async intend() {
			await write('intent', facts, 'PC_AUDIT_UNAVAILABLE');
			intended = true;
		},
		async close(answer) {
			if (answer.kind === 'stream') return { ...answer, pump: (sink) => recordStream(answer, sink, end) };
			await end({ outcome: answer.kind === 'message' && answer.failed ? 'error' : 'ok' });
			return answer;
		},
		fail: (error) => end({ outcome: intended ? 'failed' : 'refused', error }),
	};
}

type StreamAnswer = Extract<Answer, { kind: 'stream' }>;
type End = (ending: Ending) => Promise<void>;

async function recordStream(answer: StreamAnswer, sink: FrameSink, end: End): Promise<StreamEnd> {
	const recording: FrameSink = {
		write: (frame) => sink.write(frame),
		async last(frame: Frame) {
			await end({ outcome: frame.failed === true ? 'error' : 'ok' });
			await sink.last(frame);
		},
	};
	try {
		const ended = await answer.pump(recording);
		await end({ outcome: ended === 'cut' ? 'cut' : 'ok' });
		return ended;
	} catch (error) {
		await end({ outcome: 'cut', ...(error instanceof PortcullisError && { error }) });
		throw error;
	}
}
