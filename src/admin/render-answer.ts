import { API_ROOT } from '../edge/protected-resource.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { etagOf } from './precondition.ts';
import type { ApiAnswer, Route } from './route.ts';

/** An answer as it is written. */
export interface Rendered {
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	/** JSON; `undefined` where there is no body. */
	readonly text: string | undefined;
}

/**
 * Renders an answer as the operation's document says; whatever is not named there never leaves. Throws PC_INTERNAL for an
 * answer that the operation does not promise.
 */
export function renderAnswer(route: Route, answer: ApiAnswer): Rendered {
	const body = promisedBody(route, answer);
	const headers: Record<string, string> = {};
	const version = versionIn(body);
	if (version !== undefined) headers['etag'] = etagOf(version);
	if (answer.location !== undefined) headers['location'] = API_ROOT + answer.location;
	return { status: answer.status, headers, text: body === undefined ? undefined : JSON.stringify(body) };
}

function promisedBody(route: Route, { status, body }: ApiAnswer): unknown {
	const schema = route.responses[status];
	if (schema === undefined) throw notPromised(route, `status ${status}`);
	if (schema === null) {
		if (body === undefined) return undefined;
		throw notPromised(route, `a body with status ${status}`);
	}
	const parsed = schema.safeParse(body);
	if (parsed.success) return parsed.data;
	// Places alone: the values may be secrets.
	const places = parsed.error.issues.map(({ path, code }) => `${code} at ${path.map(String).join('.')}`);
	throw notPromised(route, places.join(', '));
}

function notPromised({ id }: Route, what: string): PortcullisError {
	return new PortcullisError('PC_INTERNAL', { detail: `${id} gave an answer it does not promise: ${what}` });
}

function versionIn(body: unknown): number | undefined {
	const version = (body as { version?: unknown } | undefined | null)?.version;
	return typeof version === 'number' ? version : undefined;
}
