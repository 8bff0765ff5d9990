import { linkKey } from '../config/open-webui.ts';
import type { ApiKey, LinkedPerson, OpenWebUiTrust, Snapshot } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { emailOf, type NamedPerson, notAccepted, readOpenWebUiToken } from './open-webui-token.ts';
import type { Presented } from './presented.ts';

const JWT = 'x-openwebui-user-jwt';
const IDENTITY_START = 'x-openwebui-user-';

/** What a request with a key of Open WebUI is judged by. */
export interface OpenWebUiRequest {
	readonly presented: Presented;
	readonly snapshot: Pick<Snapshot, 'openWebUi'>;
	/** Wall clock, milliseconds since 1970. */
	readonly nowMs: number;
}

/**
 * Whom the instance of a key says it asks for; `undefined`: for nobody, as when it reads a list for all of its people.
 * Throws PC_OPEN_WEBUI_TOKEN for what the key does not believe, and PC_HEADER_INVALID for a header that stands twice.
 */
export function namedPerson(key: ApiKey, { presented, snapshot, nowMs }: OpenWebUiRequest): NamedPerson | undefined {
	const headers = identityHeaders(presented.rawHeaders);
	const trust = trustOf(key);
	const token = headers.get(JWT);
	if (token !== undefined) {
		const instance = snapshot.openWebUi.get(trust.instance);
		if (instance === undefined) throw notAccepted('instance');
		return readOpenWebUiToken(token, instance, nowMs);
	}
	if (headers.size === 0) return undefined;
	// Open WebUI sends these in place of the signed one when it cannot sign.
	if (!trust.plain) throw notAccepted('unsigned');
	if (key.networks === undefined) throw notAccepted('networks');
	const subject = headers.get(`${IDENTITY_START}id`);
	return { subject, email: emailOf(headers.get(`${IDENTITY_START}email`)), expiresAt: Number.POSITIVE_INFINITY };
}

/** Who that is in the directory, by the links of the key's own workspace. Throws PC_PERSON_UNKNOWN. */
export function linkedPerson(
	key: ApiKey,
	{ subject, email }: NamedPerson,
	{ openWebUiLinks }: Pick<Snapshot, 'openWebUiLinks'>,
): LinkedPerson {
	const { instance, linkByEmail } = trustOf(key);
	const linked = (by: 'subject' | 'email', value: string | undefined): LinkedPerson | undefined =>
		value === undefined ? undefined : openWebUiLinks.get(linkKey(key.workspaceId, instance, [by, value]));
	const person = linked('subject', subject) ?? (linkByEmail ? linked('email', email) : undefined);
	if (person === undefined) throw personUnknown('link');
	return person;
}

/** Refusal of somebody whom nobody here knows; the detail is for the audit alone. */
export function personUnknown(detail: 'link' | 'membership'): PortcullisError {
	return new PortcullisError('PC_PERSON_UNKNOWN', { detail });
}

// A key without it was not made by us; nothing is believed of it.
function trustOf({ openWebUi }: ApiKey): OpenWebUiTrust {
	return openWebUi ?? { instance: '', plain: false, linkByEmail: false };
}

// Two parsers could each pick another one.
function identityHeaders(rawHeaders: readonly string[]): ReadonlyMap<string, string> {
	const found = new Map<string, string>();
	for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
		const name = (rawHeaders[index] as string).toLowerCase();
		if (!name.startsWith(IDENTITY_START)) continue;
		if (found.has(name)) throw new PortcullisError('PC_HEADER_INVALID', { detail: name });
		found.set(name, rawHeaders[index + 1] as string);
	}
	return found;
}
