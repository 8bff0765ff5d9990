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

/** A secret that is named and not known yet: the value of this name in the credential that a call is made with. */
export interface NamedSecret {
	readonly named: string;
}

/** Text with secrets in it, such as `Bearer ${env:JIRA_KEY}`: literal parts and secrets in order. */
export type SecretTemplate = readonly (string | Secret)[];

/** The same with names in it, such as `Bearer ${secret:token}`: what they stand for is known when a call is made. */
export type CallTemplate = readonly (string | Secret | NamedSecret)[];

/** Whether a part of a template is the name of a secret. */
export function isNamed(part: string | Secret | NamedSecret): part is NamedSecret {
	return typeof part !== 'string' && 'named' in part;
}
