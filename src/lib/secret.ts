import { createHash } from 'node:crypto';
import { inspect } from 'node:util';

/**
 * A value that must never be printed. Every accidental way to text (string concatenation, JSON, `util.inspect`, log
 * serialisers) yields `[secret]`; only `reveal()` yields the value, and only `credentials/` may call it (test/arch).
 */
export interface Secret {
	reveal(): string;
	/** Eight hex digits that change when the value does; safe to log and to use in a revision. */
	readonly fingerprint: string;
}

const HIDDEN = '[secret]';

/** Wraps a plaintext; the value lives in a closure, so no property of the result holds it. */
export function createSecret(value: string): Secret {
	const fingerprint = createHash('sha256').update('portcullis-secret\0').update(value).digest('hex').slice(0, 8);
	return Object.freeze({
		fingerprint,
		reveal: () => value,
		toString: () => HIDDEN,
		toJSON: () => HIDDEN,
		[inspect.custom]: () => HIDDEN,
	});
}

/** Text with secrets in it, such as `Bearer ${env:JIRA_KEY}`: literal parts and secrets in order. */
export type SecretTemplate = readonly (string | Secret)[];
