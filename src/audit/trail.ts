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
	readonly level?: string | undefined;
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
	/** X */
	intend(credential: string): void;
	/**
	 * Writes the outcome before the answer leaves; for a stream, before its last frame does. Throws
	 * PC_AUDIT_OUTCOME_LOST when it cannot be kept.
	 */
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

/** Opens the trail of the request with this id. */
export type OpenTrail = (requestId: string) => Trail;

/** What the trails of one gateway share. */
interface Shared extends TrailParts {
	/** ISO 8601 text of a time. */
	timestamp(ms: number): string;
}

/** The audit stage over one record keeper. */
export function createTrails(parts: TrailParts): OpenTrail {
	const shared: Shared = { ...parts, timestamp: createTimestamps() };
	return (requestId) => openTrail(shared, requestId);
}

// At thousands of calls a second many records fall into one millisecond; its text is made once.
function createTimestamps(): (ms: number) => string {
	let last = 0;
	let text = '';
	return (ms) => {
		if (ms !== last) text = new Date(ms).toISOString();
		last = ms;
		return text;
	};
}

function openTrail(parts: Shared, requestId: string): Trail {
	const openedAt = parts.now();
	const facts: { -readonly [K in keyof TrailFacts]: TrailFacts[K] } = {};
	let intended = false;
	let closed = false;

	const write = (kind: 'intent' | 'outcome', known: object, lost: ErrorCode): void => {
		const line = JSON.stringify({ time: parts.timestamp(parts.now()), kind, request: requestId, ...known });
		try {
			parts.records.keep(line);
		} catch (cause) {
			throw new PortcullisError(lost, { detail: String((cause as { code?: unknown }).code) }, { cause });
		}
	};
	const end = ({ outcome, error }: Ending): void => {
		if (closed) return;
		closed = true;
		const durationMs = parts.now() - openedAt;
		parts.onOutcome({ requestId, facts, outcome, code: error?.code, stage: error?.stage, durationMs });
		const why = error === undefined ? undefined : { code: error.code, stage: error.stage, detail: error.facts.detail };
		// After an intent its facts stand there, under the same request id; only whose it is stands in both.
		const known = intended ? { workspace: facts.workspace, server: facts.server, tool: facts.tool } : facts;
		const lost = intended ? 'PC_AUDIT_OUTCOME_LOST' : 'PC_AUDIT_UNAVAILABLE';
		write('outcome', { ...known, outcome, ...why, durationMs }, lost);
	};

	return {
		note(more) {
			Object.assign(facts, more);
		},
		intend(credential) {
			facts.credential = credential;
			write('intent', facts, 'PC_AUDIT_UNAVAILABLE');
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
type End = (ending: Ending) => void;

async function recordStream(answer: StreamAnswer, sink: FrameSink, end: End): Promise<StreamEnd> {
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
