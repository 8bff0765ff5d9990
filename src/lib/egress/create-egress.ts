import { type buildConnector, Client, type Dispatcher } from 'undici';
import { errorCode, PortcullisError } from '../../errors/portcullis-error.ts';
import { createAllowList } from './allow-list.ts';
import { createGuardedConnect, type ResolveName, refused, resolveBySystem } from './guarded-connect.ts';

/** What the guard of outgoing requests is made of. */
export interface EgressParts {
	/** Entries of `PORTCULLIS_EGRESS_ALLOW`. */
	readonly allowed: readonly string[];
	/** The system's, unless told. */
	readonly resolve?: ResolveName;
	/** Authorities that are trusted besides the system's own, as PEM. */
	readonly authorities?: readonly string[];
}

/** One request to a place that somebody else has named. */
export interface EgressRequest {
	/** GET, unless told. */
	readonly method?: 'GET' | 'POST' | 'DELETE';
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string;
	readonly signal?: AbortSignal;
	/** From looking the name up to the end of the body, milliseconds; 10 seconds, unless told. */
	readonly timeoutMs?: number;
	/** For connecting, and for the head of the answer; a half of `timeoutMs`, unless told. */
	readonly connectMs?: number;
	readonly firstByteMs?: number;
	/** Longest body that is read; 256 KiB, unless told. */
	readonly mostBytes?: number;
}

/** What came back: a redirect is an answer like any other, and cookies are left out. */
export interface EgressAnswer {
	readonly status: number;
	/** Names in lower case; values of a repeated header are joined by commas. */
	readonly headers: Readonly<Record<string, string>>;
	readonly text: string;
}

/** The way out to addresses that an upstream, a document or an administrator names. */
export interface Egress {
	/**
	 * Asks once, over a connection that serves nobody else, and follows nothing. Throws `PC_EGRESS_REFUSED`,
	 * `PC_EGRESS_FAILED`, `PC_EGRESS_TIMEOUT`, `PC_EGRESS_TOO_LARGE`, or the signal's reason where it is an error of ours.
	 */
	request(url: string, wish?: EgressRequest): Promise<EgressAnswer>;
	/** The same judgement for connections that are held. */
	connector(connectMs: number): buildConnector.connector;
}

/** Most bytes of the head of an answer. */
const HEAD_BYTES = 16 * 1024;

/**
 * Makes the guard: https to public addresses, and what the operator has allowed beyond. Nothing of the environment
 * (proxies) has a say.
 */
export function createEgress({ allowed, resolve = resolveBySystem, authorities = [] }: EgressParts): Egress {
	const allowList = createAllowList(allowed);
	const connector: Egress['connector'] = (connectMs) =>
		createGuardedConnect({ allowList, resolve, connectMs, authorities });
	return {
		connector,
		async request(text, wish = {}) {
			const url = readUrl(text);
			const limits = limitsOf(wish);
			const deadline = createDeadline(limits, wish.signal);
			const client = new Client(url.origin, { connect: connector(limits.connectMs), maxHeaderSize: HEAD_BYTES });
			try {
				return await Promise.race([ask(client, url, { wish, limits, onHead: deadline.onHead }), deadline.passed]);
			} catch (error) {
				throw wrapped(error);
			} finally {
				deadline.stop();
				// Not waited for: a name that is still being looked up would be.
				client.destroy().catch(() => undefined);
			}
		},
	};
}

// What is spelled oddly (digits, percents, backslashes, wide letters) `URL` has turned into what it means.
function readUrl(text: string): URL {
	const url = URL.canParse(text) ? new URL(text) : undefined;
	if (url === undefined) throw refused('url');
	if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refused('scheme');
	if (url.username !== '' || url.password !== '') throw refused('userinfo');
	if (url.port === '0') throw refused('port');
	return url;
}

interface Limits {
	readonly timeoutMs: number;
	readonly connectMs: number;
	readonly firstByteMs: number;
	readonly mostBytes: number;
}

function limitsOf({ timeoutMs = 10_000, connectMs, firstByteMs, mostBytes = 256 * 1024 }: EgressRequest): Limits {
	const half = Math.ceil(timeoutMs / 2);
	return { timeoutMs, connectMs: connectMs ?? half, firstByteMs: firstByteMs ?? half, mostBytes };
}

interface Asked {
	readonly wish: EgressRequest;
	readonly limits: Limits;
	onHead(): void;
}

async function ask(client: Client, url: URL, { wish, limits, onHead }: Asked): Promise<EgressAnswer> {
	const { statusCode, headers, body } = await client.request({
		method: wish.method ?? 'GET',
		path: url.pathname + url.search,
		headers: { 'accept-encoding': 'identity', ...wish.headers },
		body: wish.body ?? null,
		reset: true,
	});
	onHead();
	return { status: statusCode, headers: plainHeaders(headers), text: await readLimited(body, limits.mostBytes) };
}

async function readLimited(body: AsyncIterable<Buffer>, mostBytes: number): Promise<string> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	for await (const chunk of body) {
		bytes += chunk.length;
		// Leaving the loop destroys the body, and with it the connection.
		if (bytes > mostBytes) throw new PortcullisError('PC_EGRESS_TOO_LARGE', { detail: 'body' });
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString('utf8');
}

function plainHeaders(headers: Dispatcher.ResponseData['headers']): Readonly<Record<string, string>> {
	const plain = Object.entries(headers).flatMap(([name, value]) => {
		return value === undefined || name === 'set-cookie' ? [] : [[name, [value].flat().join(', ')] as const];
	});
	return Object.fromEntries(plain);
}

interface Deadline {
	/** Rejects when it has passed, or the signal says so. */
	readonly passed: Promise<never>;
	onHead(): void;
	stop(): void;
}

function createDeadline({ timeoutMs, firstByteMs, connectMs }: Limits, signal: AbortSignal | undefined): Deadline {
	const { promise: passed, reject } = withReject();
	const tooLate = (detail: string): void => reject(new PortcullisError('PC_EGRESS_TIMEOUT', { detail }));
	const total = setTimeout(tooLate, timeoutMs, 'total');
	const head = setTimeout(tooLate, connectMs + firstByteMs, 'first byte');
	const onAbort = (): void => reject(cancelled(signal?.reason));
	signal?.addEventListener('abort', onAbort, { once: true });
	if (signal?.aborted) onAbort();
	return {
		passed,
		onHead: () => clearTimeout(head),
		stop() {
			clearTimeout(total);
			clearTimeout(head);
			signal?.removeEventListener('abort', onAbort);
		},
	};
}

function withReject(): { readonly promise: Promise<never>; readonly reject: (error: Error) => void } {
	let reject: (error: Error) => void = () => undefined;
	const promise = new Promise<never>((_, refuse) => {
		reject = refuse;
	});
	return { promise, reject };
}

function cancelled(reason: unknown): PortcullisError {
	return errorCode(reason) === undefined ? new PortcullisError('PC_CALL_CANCELLED') : (reason as PortcullisError);
}

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

// The code, not the text, of the library's error goes into the log: texts may hold addresses of other systems.
function wrapped(error: unknown): PortcullisError {
	if (error instanceof PortcullisError) return error;
	const detail = String((error as { code?: unknown } | null)?.code ?? 'unknown');
	if (TIMEOUTS.has(detail)) return new PortcullisError('PC_EGRESS_TIMEOUT', { detail }, { cause: error });
	if (detail === 'UND_ERR_HEADERS_OVERFLOW') {
		return new PortcullisError('PC_EGRESS_TOO_LARGE', { detail }, { cause: error });
	}
	return new PortcullisError('PC_EGRESS_FAILED', { detail }, { cause: error });
}
