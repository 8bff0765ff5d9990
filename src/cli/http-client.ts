import { Agent, request } from 'undici';
import { bearerOf } from '../credentials/bearer-of.ts';
import type { Secret } from '../lib/secret.ts';
import { type ApiClient, type ApiRequest, type RawAnswer, readAnswer } from './api-client.ts';
import { unreachable } from './command-error.ts';

/** A gateway and the token to sign in with. */
export interface HttpClientParts {
	/** Origin, such as `https://mcp.example.com`. */
	readonly url: string;
	readonly token: Secret;
}

const CONNECT_MS = 10_000;
/** The gateway itself gives up after 30 seconds. */
const ANSWER_MS = 40_000;

/** Asks a gateway over HTTP. Redirects are not followed: the token is for this address. */
export function createHttpClient({ url, token }: HttpClientParts): ApiClient {
	const dispatcher = new Agent({
		connect: { timeout: CONNECT_MS },
		headersTimeout: ANSWER_MS,
		bodyTimeout: ANSWER_MS,
		pipelining: 0,
	});
	return {
		async request(asked) {
			const answer = await send(asked).catch((error: unknown) => {
				const { code } = error as { readonly code?: unknown };
				throw unreachable(`The gateway at ${url} cannot be reached${code === undefined ? '' : ` (${code})`}.`, error);
			});
			return readAnswer(answer, url);
		},
		close: () => dispatcher.close(),
	};

	async function send({ method, path, body, headers }: ApiRequest): Promise<RawAnswer> {
		const answer = await request(`${url}/api/v1${path}`, {
			method,
			dispatcher,
			headers: {
				authorization: bearerOf(token),
				accept: 'application/json',
				...(body !== undefined && { 'content-type': 'application/json' }),
				...headers,
			},
			...(body !== undefined && { body: JSON.stringify(body) }),
		});
		return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
	}
}
