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

/** How a call ended. `unsent`: carried out, but the caller was gone. */
export type Outcome = 'ok' | 'error' | 'refused' | 'failed' | 'cut' | 'unsent';

/** The record of one call: opened first, told each fact, closed last. */
export interface Trail {
	/** The facts so far, for the log. */
	readonly facts: TrailFacts;
	note(facts: TrailFacts): void;
	/** Writes what is about to go upstream. Throws PC_AUDIT_UNAVAILABLE when it cannot be kept: then nothing goes. */
	intend(): void;
	/** Writes the outcome before the answer leaves; for a stream, before its last frame does. */
	close(answer: Answer): Answer;
	/** Writes a refusal or failure. Throws PC_AUDIT_UNAVAILABLE when it cannot be kept. */
	fail(error: PortcullisError): void;
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
	let facts: TrailFacts = {};
	let intended = false;
	let closed = false;

	const write = (kind: 'intent' | 'outcome', rest: object, lost: ErrorCode): void => {
		const record = { time: new Date(parts.now()).toISOString(), kind, request: requestId, ...facts, ...rest };
		try {
			parts.records.keep(JSON.stringify(record));
		} catch (cause) {
			throw new PortcullisError(lost, { detail: String((cause as { code?: unknown }).code) }, { cause });
		}
	};
	const end = ({ outcome, error }: Ending): void => {
		if (closed) return;
		closed = true;
		const durationMs = parts.now() - openedAt;
		const code = error?.code;
		const why = error === undefined ? {} : { code, stage: error.stage, detail: error.facts.detail };
		parts.onOutcome({ requestId, facts, outcome, code, stage: error?.stage, durationMs });
		write('outcome', { outcome, ...why, durationMs }, intended ? 'PC_AUDIT_OUTCOME_LOST' : 'PC_AUDIT_UNAVAILABLE');
	};

	return {
		get facts() {
			return facts;
		},
		note(more) {
			facts = { ...facts, ...more };
		},
		intend() {
			write('intent', {}, 'PC_AUDIT_UNAVAILABLE');
			intended = true;
		},
		close(answer) {
			if (answer.kind === 'stream') return { ...answer, pump: (sink) => recordStream(answer, sink, end) };
			end({ outcome: answer.kind === 'message' && answer.failed ? 'error' : 'ok' });
			return answer;
		},
		fail: (error) => end({ outcome: intended ? 'failed' : 'refused', error }),
	};
}

type StreamAnswer = Extract<Answer, { kind: 'stream' }>;

async function recordStream(answer: StreamAnswer, sink: FrameSink, end: (ending: Ending) => void): Promise<StreamEnd> {
	const recording: FrameSink = {
		write: (frame) => sink.write(frame),
		async last(frame: Frame) {
			end({ outcome: frame.failed === true ? 'error' : 'ok' });
			await sink.last(frame);
		},
	};
	try {
		const ended = await answer.pump(recording);
		end({ outcome: ended === 'cut' ? 'cut' : 'ok' });
		return ended;
	} catch (error) {
		end({ outcome: 'cut', ...(error instanceof PortcullisError && { error }) });
		throw error;
	}
}
