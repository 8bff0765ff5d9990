import type { GraphAccess } from '../../config/snapshot.ts';
import type { Secret } from '../../lib/secret.ts';
import type { Ask } from './ask-json.ts';
import { failureAnswered, failureOfContent, GraphFailure } from './graph-failure.ts';

/** What proves at a token endpoint who asks (RFC 6749 §2.3.1, §4.4). */
export interface ClientGrant {
	readonly clientId: string;
	readonly clientSecret: Secret;
	readonly scope: string;
}

/** The body of a client credentials request; given by `credentials`, which alone may reveal the secret. */
export type ClientForm = (grant: ClientGrant) => string;

/** What an application token is fetched with. */
export interface AppTokenOptions {
	readonly graph: GraphAccess;
	readonly ask: Ask;
	readonly clientForm: ClientForm;
	/** Milliseconds on a clock that never runs backwards. */
	readonly steadyNow: () => number;
}

/** The token of the directory's own application for Graph. */
export interface AppToken {
	/** The one at hand, or a new one. Rejects with a `GraphFailure`. */
	get(): Promise<string>;
	/** Forgets a token that Graph did not take. */
	forget(token: string): void;
}

const TOKEN_ENDPOINT = 'the token endpoint';
/** A token that is about to expire is not sent off any more, milliseconds. */
const MARGIN_MS = 60_000;
/** A directory that says nothing issues them for an hour; half of it is safe. */
const USUAL_S = 1_800;

/** Fetches it by client credentials, once for all who wait. */
export function createAppToken({ graph, ask, clientForm, steadyNow }: AppTokenOptions): AppToken {
	let held: { readonly token: string; readonly until: number } | undefined;
	let inFlight: Promise<string> | undefined;

	async function load(): Promise<string> {
		const { clientId, clientSecret, tokenUrl, baseUrl } = graph;
		if (clientSecret === undefined) throw new GraphFailure('the client secret for Graph cannot be found', MARGIN_MS);
		const askedAt = steadyNow();
		const body = clientForm({ clientId, clientSecret, scope: `${baseUrl}/.default` });
		const headers = { 'content-type': 'application/x-www-form-urlencoded' };
		const answer = await ask({ url: tokenUrl, headers, body });
		if (answer.status !== 200) throw failureAnswered(answer, TOKEN_ENDPOINT);
		const token = answer.json?.['access_token'];
		// What cannot stand in a header is no bearer token (RFC 6750 §2.1).
		if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) throw failureOfContent(TOKEN_ENDPOINT);
		held = { token, until: askedAt + lifeOf(answer.json?.['expires_in']) * 1_000 - MARGIN_MS };
		return token;
	}

	return {
		get() {
			if (held !== undefined && steadyNow() < held.until) return Promise.resolve(held.token);
			inFlight ??= load().finally(() => {
				inFlight = undefined;
			});
			return inFlight;
		},
		forget(token) {
			if (held?.token === token) held = undefined;
		},
	};
}

// Version 1 endpoints write the number as text.
function lifeOf(value: unknown): number {
	const seconds = typeof value === 'string' ? Number(value) : value;
	return typeof seconds === 'number' && seconds > 0 ? Math.min(seconds, 86_400) : USUAL_S;
}
