import type { RawClaims } from './parse-token.ts';
import { refuseToken } from './refuse-token.ts';

const MAX_ENTRIES = 10_000;
const MAX_ID_CHARS = 128;
const MAX_NAME_CHARS = 256;

/** Whether a claim can be an id: a text of 1 to 128 characters. */
export function isId(value: unknown): value is string {
	return typeof value === 'string' && value !== '' && value.length <= MAX_ID_CHARS;
}

/** A list claim, empty where it is absent. Throws PC_TOKEN_MALFORMED for anything but a list of at most 10,000 texts. */
export function textsOf(claims: RawClaims, name: 'groups' | 'roles'): readonly string[] {
	const value = claims[name] === undefined ? [] : claims[name];
	if (!Array.isArray(value) || value.length > MAX_ENTRIES || !value.every((entry) => typeof entry === 'string')) {
		throw refuseToken('PC_TOKEN_MALFORMED', `${name} is not a list of texts`);
	}
	return value;
}

/** The scopes of a token, none where it is app-only. Throws PC_TOKEN_MALFORMED. */
export function scopesOf({ scp }: RawClaims): readonly string[] {
	if (scp === undefined) return [];
	if (typeof scp !== 'string') throw refuseToken('PC_TOKEN_MALFORMED', 'scp is not a text');
	return scp.split(' ').filter((scope) => scope !== '');
}

/**
 * A name for display: the first of the candidates that is a text, else the `oid`. Directories let people write what they
 * like here; control characters would forge log and terminal lines.
 */
export function displayName(candidates: readonly unknown[], oid: string): string {
	const chosen = candidates.find((text) => typeof text === 'string' && text.trim() !== '') as string | undefined;
	const characters = (chosen ?? oid).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ' ').trim();
	return [...characters].slice(0, MAX_NAME_CHARS).join('');
}
