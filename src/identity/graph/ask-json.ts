import { request } from 'undici';

/** One POST whose answer is a small JSON document. */
export interface JsonQuestion {
	readonly url: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
}

/** What came back; `json` is `undefined` where the body is no JSON object. */
export interface JsonAnswer {
	readonly status: number;
	/** `Retry-After` as it was sent. */
	readonly retryAfter: string | undefined;
	readonly json: Readonly<Record<string, unknown>> | undefined;
}

/** Asks within the limits of whoever made it. */
export type Ask = (question: JsonQuestion) => Promise<JsonAnswer>;

/** Asks; rejects with plain errors, which never quote a body, when there is no answer within the limits. */
export type AskJson = (question: JsonQuestion, signal: AbortSignal) => Promise<JsonAnswer>;

const MOST_BYTES = 256 * 1024;

/** Asks over HTTP. Redirects are answers like any other: a secret or token goes where the configuration says alone. */
export const askJson: AskJson = async ({ url, headers, body }, signal) => {
	const sent = { method: 'POST', signal, body, headers: { accept: 'application/json', ...headers } } as const;
	const { statusCode, headers: received, body: stream } = await request(url, sent);
	const retryAfter = received['retry-after'];
	return {
		status: statusCode,
		retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined,
		json: parseObject(await readLimited(stream)),
	};
};

async function readLimited(body: AsyncIterable<Buffer>): Promise<string> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	for await (const chunk of body) {
		bytes += chunk.length;
		// Leaving the loop destroys the body, and with it the connection.
		if (bytes > MOST_BYTES) throw new Error('the answer is larger than 256 KiB');
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString('utf8');
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
	try {
		const value: unknown = JSON.parse(text);
		return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
	} catch {
		return undefined;
	}
}
