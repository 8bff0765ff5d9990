import { modern } from './gateway.ts';
import { type Delivery, deliver, headerOf, messagesIn } from './tenancy-wire.ts';

/** The two families of protocol revisions. */
export type Era = 'legacy' | 'modern';

/** Both eras, for rows made of them. */
export const ERAS: readonly Era[] = ['legacy', 'modern'];

/** `params` of a request. */
export type Params = Readonly<Record<string, unknown>>;

/** What is special about one call. */
export interface CallOptions {
	readonly id?: string | number;
	readonly headers?: Readonly<Record<string, string>>;
	/** Legacy: goes without `initialize` and session. */
	readonly sessionless?: boolean;
	/** Told of the body so far, whenever there is more. */
	readonly onText?: (textSoFar: string) => void;
}

/** One chat of one person: in the legacy era it has a session at each address it calls. */
export interface Caller {
	readonly era: Era;
	/** Headers of any request: the token and whatever else this client always sends. */
	readonly headers: Readonly<Record<string, string>>;
	/** Sends one request and takes all there is. */
	send(path: string, method: string, params?: Params, options?: CallOptions): Promise<Delivery>;
	/** The session id at an address, initialized on first use; none where that is refused. */
	session(path: string): Promise<string | undefined>;
}

/** Whom a caller speaks for. */
export interface CallerOptions {
	readonly url: string;
	readonly token: string;
	readonly era: Era;
	readonly headers?: Readonly<Record<string, string>>;
}

const REVISION = '2025-11-25';
const CONTENT = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** The legacy handshake. */
export const INITIALIZE = {
	protocolVersion: REVISION,
	capabilities: { elicitation: {}, roots: {} },
	clientInfo: { name: 'test', version: '1' },
};

/** A client that speaks one era by hand, so that nothing it is sent goes unseen. */
export function createCaller({ url, token, era, headers: more = {} }: CallerOptions): Caller {
	const sessions = new Map<string, Promise<string | undefined>>();
	const headers = { authorization: `Bearer ${token}`, ...CONTENT, ...more };

	const open = async (path: string): Promise<string | undefined> => {
		const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params: INITIALIZE });
		return headerOf(await deliver(url + path, { headers, body }), 'mcp-session-id');
	};
	const session = (path: string): Promise<string | undefined> => {
		const known = sessions.get(path) ?? open(path);
		sessions.set(path, known);
		return known;
	};
	const legacyHead = async (path: string, sessionless: boolean): Promise<Record<string, string>> => {
		const id = sessionless ? undefined : await session(path);
		return { 'mcp-protocol-version': REVISION, ...(id !== undefined && { 'mcp-session-id': id }) };
	};

	return {
		era,
		headers,
		session,
		async send(path, method, params = {}, options = {}) {
			const { id = 1, sessionless = false } = options;
			const fresh = era === 'modern' ? modern(method, params, id) : undefined;
			const head = fresh ? { ...fresh.headers, ...taskHeader(params) } : await legacyHead(path, sessionless);
			const all = { ...headers, ...head, ...options.headers };
			const answered = new Set<unknown>();
			return deliver(url + path, {
				headers: all,
				body: JSON.stringify(fresh?.body ?? { jsonrpc: '2.0', id, method, params }),
				onText(text) {
					options.onText?.(text);
					if (text.includes('elicitation/create')) decline(url + path, all, text, answered);
				},
			});
		},
	};
}

function taskHeader({ taskId }: Params): Record<string, string> {
	return typeof taskId === 'string' ? { 'mcp-name': taskId } : {};
}

/** Answers what a server asks on the stream of a call, so that the call can end. */
function decline(url: string, headers: Readonly<Record<string, string>>, text: string, answered: Set<unknown>): void {
	for (const { id, method } of messagesIn(text)) {
		if (method !== 'elicitation/create' || answered.has(id)) continue;
		answered.add(id);
		const body = JSON.stringify({ jsonrpc: '2.0', id, result: { action: 'decline' } });
		deliver(url, { headers, body }).catch(() => undefined);
	}
}
