import { createHmac, timingSafeEqual } from 'node:crypto';
import type { OpenWebUiInstance } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { LEEWAY_S } from './check-times.ts';
import { decode, type RawClaims, readObject } from './parse-token.ts';

/** Whom an Open WebUI instance names. */
export interface NamedPerson {
	/** The id they have there. */
	readonly subject: string | undefined;
	/** The e-mail address they have there, lower case. */
	readonly email: string | undefined;
	/** Until when that holds, milliseconds since 1970. */
	readonly expiresAt: number;
}

const MAX_LIFETIME_S = 600;
const MAX_TOKEN_CHARS = 8_192;
const MAX_SUBJECT_CHARS = 256;
const MAX_EMAIL_CHARS = 320;

/** Refusal of what Open WebUI says; the detail is for the audit alone. */
export function notAccepted(
	detail: 'unsigned' | 'instance' | 'networks' | 'form' | 'signature' | 'claims' | 'expired' | 'lifetime',
): PortcullisError {
	return new PortcullisError('PC_OPEN_WEBUI_TOKEN', { detail });
}

/**
 * Whom a value of `X-OpenWebUI-User-Jwt` names. HS256 alone, `iss` exactly `open-webui`, at most ten minutes long. It has no
 * `aud`, so whoever shares the secret can say the same; the key beside it limits what that is worth. Throws
 * PC_OPEN_WEBUI_TOKEN.
 */
export function readOpenWebUiToken(token: string, { secret }: OpenWebUiInstance, nowMs: number): NamedPerson {
	const [header = '', payload = '', signature = '', ...rest] =
		token.length > MAX_TOKEN_CHARS ? [] : token.split('.', 4);
	if (rest.length > 0) throw notAccepted('form');
	checkHeader(readPart(() => readObject(header)));
	const expected = createHmac('sha256', textOf(secret)).update(`${header}.${payload}`).digest();
	const given = readPart(() => decode(signature));
	if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw notAccepted('signature');
	return personIn(
		readPart(() => readObject(payload)),
		nowMs,
	);
}

function checkHeader({ alg, typ, crit, b64 }: RawClaims): void {
	const isPlain = (typ === undefined || typ === 'JWT') && crit === undefined && b64 === undefined;
	if (alg !== 'HS256' || !isPlain) throw notAccepted('form');
}

function personIn({ iss, sub, email, exp, iat }: RawClaims, nowMs: number): NamedPerson {
	if (iss !== 'open-webui') throw notAccepted('claims');
	if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUBJECT_CHARS) throw notAccepted('claims');
	if (!isSeconds(exp) || !isSeconds(iat) || exp <= iat) throw notAccepted('claims');
	if (exp - iat > MAX_LIFETIME_S) throw notAccepted('lifetime');
	const endsAt = (exp + LEEWAY_S) * 1_000;
	if (nowMs >= endsAt || nowMs < (iat - LEEWAY_S) * 1_000) throw notAccepted('expired');
	return { subject: sub, email: emailOf(email), expiresAt: endsAt };
}

function isSeconds(value: unknown): value is number {
	return Number.isSafeInteger(value);
}

/** An e-mail address as links have it; `undefined` for what is none. */
export function emailOf(value: unknown): string | undefined {
	const isText = typeof value === 'string' && value.includes('@') && value.length <= MAX_EMAIL_CHARS;
	return isText ? value.toLowerCase() : undefined;
}

function textOf(secret: OpenWebUiInstance['secret']): string {
	return secret.map((part) => (typeof part === 'string' ? part : part.reveal())).join('');
}

function readPart<T>(read: () => T): T {
	try {
		return read();
	} catch {
		throw notAccepted('form');
	}
}
