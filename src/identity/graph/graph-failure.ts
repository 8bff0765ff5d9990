import type { JsonAnswer } from './ask-json.ts';

/** Why nothing was learned from Graph or from the token endpoint; its message holds no value of either. */
export class GraphFailure extends Error {
	override readonly name = 'GraphFailure';
	/** How long nobody should ask again, milliseconds. */
	readonly pauseMs: number;

	constructor(message: string, pauseMs: number, options: { readonly cause?: unknown } = {}) {
		super(message, options);
		this.pauseMs = pauseMs;
	}
}

/** Pause after a failure that may pass at once, milliseconds. */
const SHORT_MS = 5_000;
/** Pause after a refusal that somebody has to mend, milliseconds. */
const LONG_MS = 30_000;
/** A directory that asks for more patience than this is asked again anyway, milliseconds. */
const MOST_MS = 300_000;

/** A failure that is no answer at all, such as a broken connection. */
export function failureOf(cause: unknown, whose: string): GraphFailure {
	return cause instanceof GraphFailure ? cause : new GraphFailure(`${whose} did not answer`, SHORT_MS, { cause });
}

/** The failure that an answer is; `whose` begins its sentence. */
export function failureAnswered({ status, retryAfter }: JsonAnswer, whose: string): GraphFailure {
	const usual = status === 429 || status >= 500 ? SHORT_MS : LONG_MS;
	return new GraphFailure(`${whose} answered ${status}`, readRetryAfter(retryAfter) ?? usual);
}

/** An answer of the right status with the wrong content. */
export function failureOfContent(whose: string): GraphFailure {
	return new GraphFailure(`${whose} answered something else than was asked`, LONG_MS);
}

// RFC 9110 §10.2.3: seconds, or a date.
function readRetryAfter(text: string | undefined): number | undefined {
	if (text === undefined) return undefined;
	const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
	return Number.isFinite(ms) ? Math.min(Math.max(ms, 1_000), MOST_MS) : undefined;
}
