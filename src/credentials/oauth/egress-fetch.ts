import type { Egress, EgressRequest } from '../../lib/egress/create-egress.ts';

/** One request as the OAuth library makes it. */
export interface OAuthRequest {
	readonly method: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body?: unknown;
	readonly signal?: AbortSignal | undefined;
}

/** What the library asks instead of `fetch`. */
export type OAuthFetch = (url: string, request: OAuthRequest) => Promise<Response>;

/** Limit of one request to an authorization server, milliseconds. */
const TIMEOUT_MS = 10_000;
/** Most bytes of one answer: metadata of large services comes to some ten kilobytes. */
const MOST_BYTES = 128 * 1024;

/** Statuses whose answer has no body, which `Response` insists on. */
const BODILESS = new Set([204, 205, 304]);

/** The library's way out, through the guard: every address here was named by a foreign server. */
export function createOAuthFetch(egress: Egress): OAuthFetch {
	return async (url, { method, headers, body, signal }) => {
		const answer = await egress.request(url, {
			method: method as NonNullable<EgressRequest['method']>,
			headers,
			timeoutMs: TIMEOUT_MS,
			mostBytes: MOST_BYTES,
			...(body !== undefined && body !== null && { body: String(body) }),
			...(signal && { signal }),
		});
		return new Response(BODILESS.has(answer.status) ? null : answer.text, answer);
	};
}
