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
	/** Id of the workspace; the slug may be given to another one day. */
	readonly workspaceId?: string | undefined;
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
	/** ISO 8601 text of a time. */
	timestamp(ms: number): string;
	/** Trails that are neither closed nor handed to a stream. */
	busy: number;
}

/** The audit stage over one record keeper. */
export function createTrails(parts: TrailParts): OpenTrail {
	const shared: Shared = { ...parts, timestamp: createTimestamps(), busy: 0 };
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

interface Line {
	readonly requestId: string;
	readonly kind: 'intent' | 'outcome';
	readonly known: object;
	/** What it means when this line is lost. */
	readonly lost: ErrorCode;
	/** Told when the line is kept, before anybody who waits for it. */
	onKept?(): void;
}

function lineLost(code: ErrorCode, cause: unknown): PortcullisError {
	return new PortcullisError(code, { detail: String((cause as { code?: unknown }).code) }, { cause });
}

// Alone, a call writes at once; among others it shares the write of this turn with them (docs/adr/0002).
function write(parts: Shared, { requestId, kind, known, lost, onKept }: Line): Kept {
	const head = `{"time":"${parts.timestamp(parts.now())}","kind":"${kind}","request":"${requestId}"`;
	const rest = JSON.stringify(known);
	const line = rest === '{}' ? `${head}}` : `${head},${rest.slice(1)}`;
	const onLost = (cause: unknown): never => {
		throw lineLost(lost, cause);
	};
	if (parts.busy > 1) return parts.records.keepTogether(line).then(onKept, onLost);
	try {
		parts.records.keep(line);
	} catch (cause) {
		onLost(cause);
	}
	onKept?.();
}

function openTrail(parts: Shared, requestId: string): Trail {
	const openedAt = parts.now();
	const facts: { -readonly [K in keyof TrailFacts]: TrailFacts[K] } = {};
	let intended = false;
	let closed = false;
	let isBusy = true;
	parts.busy++;

	const idle = (): void => {
		if (isBusy) parts.busy--;
		isBusy = false;
	};
	const end = ({ outcome, error }: Ending): Kept => {
		if (closed) return;
		closed = true;
		const durationMs = parts.now() - openedAt;
		parts.onOutcome({ requestId, facts, outcome, code: error?.code, stage: error?.stage, durationMs });
		const why = error === undefined ? undefined : { code: error.code, stage: error.stage, detail: error.facts.detail };
		// After an intent its facts stand there, under the same request id; only whose it is stands in both.
		const { workspace, workspaceId, server, tool } = facts;
		const known = intended ? { workspace, workspaceId, server, tool } : facts;
		const lost = intended ? 'PC_AUDIT_OUTCOME_LOST' : 'PC_AUDIT_UNAVAILABLE';
		const kept = write(parts, {
			requestId,
			kind: 'outcome',
			known: Object.assign({}, known, { outcome }, why, { durationMs }),
			lost,
		});
		idle();
		return kept;
	};

	return {
		note: (more) => void Object.assign(facts, more),
		intend(credential) {
			if (credential !== undefined) facts.credential = credential;
			const onKept = (): void => {
				intended = true;
			};
			return write(parts, { requestId, kind: 'intent', known: facts, lost: 'PC_AUDIT_UNAVAILABLE', onKept });
		},
		close(answer) {
			if (answer.kind === 'stream') {
				idle();
				return { ...answer, pump: (sink) => recordStream(answer, sink, end) };
			}
			const kept = end({ outcome: answer.kind === 'message' && answer.failed ? 'error' : 'ok' });
			return kept === undefined ? answer : kept.then(() => answer);
		},
		fail: (error) => end({ outcome: intended ? 'failed' : 'refused', error }),
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
