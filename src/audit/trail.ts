import type { Stage } from '../errors/error-row.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { ErrorCode } from '../errors/table.ts';
import type { Answer, Frame, FrameSink, StreamEnd } from '../mcp/answer.ts';
import type { RecordKeeper, RecordMark, RecordSubject } from './file-record.ts';
import { createGaps, type Gaps } from './gaps.ts';
import { recordLine } from './record-line.ts';

/** Facts of one call, told as they become known. No arguments, no results, no secrets. */
export interface TrailFacts extends RecordSubject {
	readonly address?: string;
	/** The way to it, where it is another than MCP. */
	readonly facade?: string | undefined;
	readonly principal?: { readonly issuer: string; readonly tid: string; readonly oid: string };
	/** What established who the caller is. */
	readonly vouchedBy?: string;
	readonly era?: string;
	readonly method?: string;
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
 * `cut`, a stream that ended without its response; `unknown`, when the process died or its end could not be recorded.
 */
export type Outcome = 'ok' | 'error' | 'refused' | 'failed' | 'cut' | 'unknown';

/** Settles when a record is kept: nothing to wait for when it is kept already. */
export type Kept = Promise<void> | undefined;

/** The record of one call: opened first, told each fact, closed last. */
export interface Trail {
	note(facts: TrailFacts): void;
	/**
	 * Writes that the call is about to go upstream with this credential, or that a change is about to be made, and must be
	 * waited for. Throws or rejects with PC_AUDIT_UNAVAILABLE when it cannot be kept.
	 */
	intend(credential?: string): Kept;
	/**
	 * Writes the outcome before the answer leaves; for a stream, before its last frame does. Throws or rejects with
	 * PC_AUDIT_OUTCOME_LOST when it cannot be kept.
	 */
	close(answer: Answer): Answer | Promise<Answer>;
	/** Writes a refusal or failure. Throws or rejects with PC_AUDIT_UNAVAILABLE when it cannot be kept. */
	fail(error: PortcullisError): Kept;
	/** Ends without a record: nothing but our own configuration was read, by somebody who may. */
	forget(): void;
}

/** What a trail is made with. */
export interface TrailParts {
	readonly records: RecordKeeper;
	/** Says whose calls may go on without a record; nobody's unless given. */
	readonly gaps?: Gaps;
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

/** Opens the trail of the request with this id, which is the gateway's own and plain text. */
export type OpenTrail = (requestId: string) => Trail;

/** What the trails of one gateway share. */
interface Shared extends TrailParts {
	readonly gaps: Gaps;
	/** ISO 8601 text of a time. */
	timestamp(ms: number): string;
	/** Trails that are neither closed nor handed to a stream. */
	busy: number;
}

/** The audit stage over one record keeper. */
export function createTrails(parts: TrailParts): OpenTrail {
	const gaps = parts.gaps ?? createGaps({ ...parts, isLossy: () => false });
	const shared: Shared = { ...parts, gaps, timestamp: createTimestamps(), busy: 0 };
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

interface Line extends RecordMark {
	readonly kind: 'intent' | 'outcome';
	readonly known: object;
	/** What it means when this line is lost. */
	readonly lost: ErrorCode;
	/** Told when the line is kept, before anybody who waits for it. */
	onKept?(): void;
	/** Told when the call goes on without the line. */
	onForgiven?(): void;
}

function lineLost(code: ErrorCode, cause: unknown): PortcullisError {
	return new PortcullisError(code, { detail: String((cause as { code?: unknown }).code) }, { cause });
}

// Alone, a call writes at once; among others it shares the write of this turn with them (docs/adr/0002).
function write(parts: Shared, line: Line): Kept {
	const text = recordLine(parts.timestamp(parts.now()), line, line.known);
	const onLost = (cause: unknown): void => {
		if (!parts.gaps.forgive(line)) throw lineLost(line.lost, cause);
		line.onForgiven?.();
	};
	try {
		tellGaps(parts, line);
		if (parts.busy > 1) return parts.records.keepTogether(text, line).then(line.onKept, onLost);
		parts.records.keep(text, line);
	} catch (cause) {
		onLost(cause);
		return;
	}
	line.onKept?.();
}

// Where a keeper has room left for outcomes alone, they need not wait until the gaps are told.
function tellGaps({ gaps }: Shared, { kind }: Line): void {
	try {
		gaps.tell();
	} catch (cause) {
		if (kind !== 'outcome') throw cause;
	}
}

function openTrail(parts: Shared, requestId: string): Trail {
	const openedAt = parts.now();
	const facts: { -readonly [K in keyof TrailFacts]: TrailFacts[K] } = {};
	let intent: 'none' | 'kept' | 'forgiven' = 'none';
	let closed = false;
	let isBusy = true;
	parts.busy++;

	const idle = (): void => {
		if (isBusy) parts.busy--;
		isBusy = false;
	};
	const passes = (how: 'kept' | 'forgiven') => (): void => {
		intent = how;
	};
	const end = ({ outcome, error }: Ending): Kept => {
		if (closed) return;
		closed = true;
		const durationMs = parts.now() - openedAt;
		parts.onOutcome({ requestId, facts, outcome, code: error?.code, stage: error?.stage, durationMs });
		const why = error === undefined ? undefined : { code: error.code, stage: error.stage, detail: error.facts.detail };
		// Of an intent that is kept the facts stand there, under the same request id; only whose it is stands in both.
		const { workspace, workspaceId, server, tool } = facts;
		const known = intent === 'kept' ? { workspace, workspaceId, server, tool } : facts;
		const kept = write(parts, {
			requestId,
			kind: 'outcome',
			subject: facts,
			known: Object.assign({}, known, { outcome }, why, { durationMs }),
			lost: intent === 'none' ? 'PC_AUDIT_UNAVAILABLE' : 'PC_AUDIT_OUTCOME_LOST',
		});
		idle();
		return kept;
	};

	return {
		note: (more) => void Object.assign(facts, more),
		intend(credential) {
			if (credential !== undefined) facts.credential = credential;
			const line = { requestId, kind: 'intent', subject: facts, known: facts, lost: 'PC_AUDIT_UNAVAILABLE' } as const;
			return write(parts, { ...line, onKept: passes('kept'), onForgiven: passes('forgiven') });
		},
		close(answer) {
			if (answer.kind === 'stream') {
				idle();
				return { ...answer, pump: (sink) => recordStream(answer, sink, end) };
			}
			const kept = end({ outcome: answer.kind === 'message' && answer.failed ? 'error' : 'ok' });
			return kept === undefined ? answer : kept.then(() => answer);
		},
		fail: (error) => end({ outcome: intent === 'none' ? 'refused' : 'failed', error }),
		forget() {
			closed = true;
			idle();
		},
	};
}

type StreamAnswer = Extract<Answer, { kind: 'stream' }>;
type End = (ending: Ending) => Kept;

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
