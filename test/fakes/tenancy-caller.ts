import { modern } from './gateway.ts';
import { type Delivery, deliver, headerOf, type Message, messagesIn } from './tenancy-wire.ts';

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
	/** What it can be asked; unless told, a legacy caller elicitation and roots, a modern one nothing. */
	readonly capabilities?: object;
	/** Result it answers an elicitation with on the stream of a call; declines unless told. */
	answerTo?(question: Message): object;
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
export function createCaller(options: CallerOptions): Caller {
	const { url, token, era, capabilities, headers: more = {}, answerTo = () => ({ action: 'decline' }) } = options;
	const sessions = new Map<string, Promise<string | undefined>>();
	const handshake = capabilities === undefined ? INITIALIZE : { ...INITIALIZE, capabilities };
	const headers = { authorization: `Bearer ${token}`, ...CONTENT, ...more };

	const open = async (path: string): Promise<string | undefined> => {
		const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params: handshake });
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

	const fresh = (method: string, params: Params, id: string | number) => {
		if (capabilities === undefined) return modern(method, params, id);
		const declared = { 'io.modelcontextprotocol/clientCapabilities': capabilities };
		return modern(method, { ...params, _meta: { ...declared, ...(params['_meta'] as object | undefined) } }, id);
	};

	return {
		era,
		headers,
		session,
		async send(path, method, params = {}, options = {}) {
			const { id = 1, sessionless = false } = options;
			const request = era === 'modern' ? fresh(method, params, id) : undefined;
			const head = request ? { ...request.headers, ...taskHeader(params) } : await legacyHead(path, sessionless);
			const all = { ...headers, ...head, ...options.headers };
			const answered = new Set<unknown>();
			return deliver(url + path, {
				headers: all,
				body: JSON.stringify(request?.body ?? { jsonrpc: '2.0', id, method, params }),
				onText(text) {
					options.onText?.(text);
					if (!text.includes('elicitation/create')) return;
					for (const question of questionsIn(text, answered)) reply(url + path, all, question.id, answerTo(question));
				},
			});
		},
	};
}

function taskHeader({ taskId }: Params): Record<string, string> {
	return typeof taskId === 'string' ? { 'mcp-name': taskId } : {};
}

/** What a server asks on the stream of a call and has not been answered yet. */
function questionsIn(text: string, answered: Set<unknown>): readonly Message[] {
	const open = messagesIn(text).filter(({ id, method }) => method === 'elicitation/create' && !answered.has(id));
	for (const { id } of open) answered.add(id);
	return open;
}

function reply(url: string, headers: Readonly<Record<string, string>>, id: Message['id'], result: object): void {
	deliver(url, { headers, body: JSON.stringify({ jsonrpc: '2.0', id, result }) }).catch(() => undefined);
}
