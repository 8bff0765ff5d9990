import type { Stage } from './error-row.ts';
import { ERRORS, type ErrorCode } from './table.ts';

/** Extra facts of one error. `data` reaches the caller, `detail` only the log; neither may hold a secret. */
export interface ErrorFacts {
	readonly data?: Readonly<Record<string, unknown>>;
	readonly detail?: string;
	/** One more sentence for the caller, by what is configured; never of what they sent. */
	readonly advice?: string;
	/** JSON text of the id of the message the error answers, where it is known before there is a `Call`. */
	readonly idText?: string;
	/** HTTP status with which a server answered something that is no MCP. */
	readonly upstreamStatus?: number;
	/** Seconds after which trying again makes sense. */
	readonly retryAfterSeconds?: number;
}

/**
 * The only error the stages throw on purpose. Compare `code`, never the class: a foreign error is wrapped once, where it
 * enters, with itself as `cause`.
 */
export class PortcullisError extends Error {
	override readonly name = 'PortcullisError';
	readonly code: ErrorCode;
	readonly facts: ErrorFacts;

	constructor(code: ErrorCode, facts: ErrorFacts = {}, options: { readonly cause?: unknown } = {}) {
		super(ERRORS[code].sentence, options);
		this.code = code;
		this.facts = facts;
	}

	/** What the caller is told: the sentence of the table, and advice where there is any. */
	get sentence(): string {
		const { advice } = this.facts;
		return advice === undefined ? ERRORS[this.code].sentence : `${ERRORS[this.code].sentence} ${advice}`;
	}

	/** Stage of the pipeline the error belongs to. */
	get stage(): Stage {
		return ERRORS[this.code].stage;
	}
}

/** The error's table code, or `undefined` for errors that are not ours. */
export function errorCode(error: unknown): ErrorCode | undefined {
	const code = (error as { code?: unknown } | undefined)?.code;
	return typeof code === 'string' && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : undefined;
}

/** Ours as it is; anything else becomes `PC_INTERNAL` with the foreign error as its cause. */
export function toPortcullisError(error: unknown): PortcullisError {
	return errorCode(error) !== undefined && error instanceof Error
		? (error as PortcullisError)
		: new PortcullisError('PC_INTERNAL', {}, { cause: error });
}
