import { Agent, request } from 'undici';
import { StoreFailure } from './store-failure.ts';

/** One request to a store of secrets. */
export interface StoreQuestion {
	readonly method: 'GET' | 'POST';
	readonly url: string;
	readonly headers: Readonly<Record<string, string>>;
	/** JSON text, or a form where `headers` says so. */
	readonly body?: string;
}

/** What came back; `json` is empty where the body is no JSON object. */
export interface StoreAnswer {
	readonly status: number;
	readonly json: Readonly<Record<string, unknown>>;
}

/** Asks one store over connections of its own. Rejects with a `StoreFailure` when there is no answer. */
export interface AskStore {
	(question: StoreQuestion, signal: AbortSignal): Promise<StoreAnswer>;
	close(): Promise<void>;
}

/** How a store is reached. */
export interface AskStoreOptions {
	/** Names the store in messages. */
	readonly place: string;
	/** Certificates in PEM that vouch for the store, instead of the system's. */
	readonly ca?: string;
	/** For one request, milliseconds. */
	readonly timeoutMs?: number;
}

/** No answer of these stores is longer than a secret of 64 KiB and its wrapping. */
const MOST_BYTES = 256 * 1024;

const USUAL_MS = 5_000;

/** Redirects are answers like any other: a token goes where the configuration says and nowhere else. */
export function createAskStore({ place, ca, timeoutMs = USUAL_MS }: AskStoreOptions): AskStore {
	const agent = new Agent({
		connect: { timeout: timeoutMs, ...(ca !== undefined && { ca }) },
		connections: 8,
		keepAliveTimeout: 10_000,
	});
	const ask = async (question: StoreQuestion, signal: AbortSignal): Promise<StoreAnswer> => {
		const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
		try {
			const { url, method, headers, body } = question;
			const { statusCode, body: stream } = await request(url, {
				...{ dispatcher: agent, method, signal: limited, body: body ?? null },
				headers: { accept: 'application/json', ...headers },
			});
			return { status: statusCode, json: parseObject(await readLimited(stream)) };
		} catch (error) {
			if (signal.aborted) throw signal.reason;
			throw new StoreFailure('unavailable', `${place}: ${words(error)}`);
		}
	};
	return Object.assign(ask, { close: () => agent.close() });
}

// A foreign message may quote what was sent; a code cannot.
function words(error: unknown): string {
	const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
	if (name === 'TimeoutError') return 'did not answer in time';
	if (error instanceof TooLarge) return 'answered with more than 256 KiB';
	return `cannot be reached (${typeof code === 'string' ? code : String(name)})`;
}

class TooLarge extends Error {}

async function readLimited(body: AsyncIterable<Buffer>): Promise<string> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	for await (const chunk of body) {
		bytes += chunk.length;
		if (bytes > MOST_BYTES) throw new TooLarge();
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString('utf8');
}

function parseObject(text: string): StoreAnswer['json'] {
	try {
		const value: unknown = JSON.parse(text);
		return isObject(value) ? value : {};
	} catch {
		return {};
	}
}

/** A member of an answer that should be an object; empty where it is none. */
export function objectAt(json: StoreAnswer['json'], name: string): Readonly<Record<string, unknown>> {
	const value = json[name];
	return isObject(value) ? value : {};
}

/** A member that should be text; `undefined` where it is none or empty. */
export function textAt(json: StoreAnswer['json'], name: string): string | undefined {
	const value = json[name];
	return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A member that should be a whole number of seconds from 0; `undefined` where it is none. */
export function secondsAt(json: StoreAnswer['json'], name: string): number | undefined {
	const value = typeof json[name] === 'string' ? Number(json[name]) : json[name];
	return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
