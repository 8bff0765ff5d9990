import { type EdgeHeaders, readHeaders } from '../edge/check-headers.ts';
import { readBody } from '../edge/read-body.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Session } from './sessions.ts';
import { type ConnectParts, personOf, type Visit } from './visit.ts';

const MOST_BYTES = 128 * 1024;
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;

/** A form of the session it came with, and whoever that session is of. */
export interface ReadForm {
	readonly fields: URLSearchParams;
	readonly session: Session;
	readonly person: Awaited<ReturnType<typeof personOf>>;
}

/**
 * Reads a form that changes something. It must come from a page of ours in the same session: the cookie alone proves
 * nothing, since browsers send it along with whatever other sites make them do. Rejects with PC_FORM_REFUSED,
 * PC_SIGNED_OUT, PC_BODY_TOO_LARGE, or as `personOf` does.
 */
export async function readForm(parts: ConnectParts, visit: Visit): Promise<ReadForm> {
	const { request } = visit.visitor;
	checkOrigin(visit);
	checkType(readHeaders(request.rawHeaders));
	const fields = new URLSearchParams(await readBody(request, MOST_BYTES));
	const person = await personOf(parts, visit);
	const session = visit.session as Session;
	const [token = '', ...more] = fields.getAll('form');
	if (more.length > 0 || !parts.sessions.isFormToken(session, token)) throw refused('the token is not of the session');
	return { fields, session, person };
}

const refused = (detail: string): PortcullisError => new PortcullisError('PC_FORM_REFUSED', { detail });

function checkOrigin({ visitor: { request }, origin }: Visit): void {
	const { origin: from, 'sec-fetch-site': site } = request.headers;
	if (from !== undefined && from !== origin) throw refused('Origin is not ours');
	if (site !== undefined && site !== 'same-origin') throw refused('Sec-Fetch-Site is not same-origin');
}

function checkType({ contentType, contentEncoding, contentLength }: EdgeHeaders): void {
	const isPlain = contentEncoding === undefined || contentEncoding.toLowerCase() === 'identity';
	if (!FORM_TYPE.test(contentType ?? '') || !isPlain) throw refused('not a plain form');
	if (Number(contentLength ?? 0) > MOST_BYTES) throw new PortcullisError('PC_BODY_TOO_LARGE');
}
