/** Types of behaviour.mjs, which stays JavaScript so that the stdio build runs under plain node. */

export type Era = 'modern' | 'legacy';

/** One request or notification of JSON-RPC. */
export interface RpcRequest {
	readonly id?: string | number;
	readonly method: string;
	readonly params?: Record<string, unknown>;
}

/** What every build can be told; read at each request. */
export interface FixtureOptions {
	/** A text in every description, resource, echo and error, so that a test sees whose server answered. */
	canary?: string;
	/** `serverInfo.name`. */
	name?: string;
	/** Items per page of each list; absent: one page. */
	pageSize?: number;
	/** Adds what the official conformance suite looks for: its tools, resources, prompts, and tasks in the modern era. */
	conformance?: boolean;
	/** Makes the first tool description this many bytes longer. */
	padListBytes?: number;
	/** `ttlMs` of modern lists. */
	ttlMs?: number;
	/** Legacy revisions this server speaks, its favourite first. */
	versions?: readonly string[];
	/** Waits at random up to so many milliseconds before a tool begins. */
	jitterMs?: number | undefined;
	/** How the server misbehaves; undefined ends it. */
	hostile?: Hostile | undefined;
}

/** One way to misbehave; the http-only ones say so. */
export type HostileKind =
	| { readonly kind: 'redirect'; readonly location: string; readonly status?: 301 | 302 | 307 | 308 } // http
	| { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> } // http
	| { readonly kind: 'html-500' } // http
	| { readonly kind: 'wrong-content-type' } // http
	| { readonly kind: 'cut-body' } // http: the socket dies in the middle of the body
	| { readonly kind: 'silent-end' } // http: an event stream that ends without the answer
	| { readonly kind: 'drip'; readonly everyMs?: number } // http: SSE comments for ever
	| { readonly kind: 'never' }
	| { readonly kind: 'delay'; readonly delayMs: number }
	| { readonly kind: 'truncated-json' }
	| { readonly kind: 'wrong-id' }
	| { readonly kind: 'twice' }
	| { readonly kind: 'huge-event'; readonly bytes: number };

/** A misbehaviour, for every request or only for some JSON-RPC methods. */
export type Hostile = HostileKind & { readonly methods?: readonly string[] };

/** What the server knows of one legacy session. */
export interface SessionState {
	version: string | undefined;
	clientCapabilities: Record<string, unknown>;
	logLevel: string | undefined;
	readonly subscribed: Set<string>;
}

/** What a build gives the behaviour for one request. */
export interface Exchange {
	readonly era: Era;
	readonly session: SessionState;
	/** What `whoami` answers. */
	readonly credential: Readonly<Record<string, unknown>>;
	readonly signal: AbortSignal;
	notify(method: string, params: object): void;
	/**
	 * Asks the client; `request`: on this request's stream, `session`: on the session's own where there is one. Rejects
	 * when the call is cancelled or the session ends.
	 */
	ask(method: string, params: object, stream: 'request' | 'session'): Promise<unknown>;
	crash(): void;
	/** Answers this request on an event stream, where there is such a choice. */
	openStream(): void;
	/** Ends the event stream of this request early, where its client can come back for the rest. */
	closeStream(): void;
}

/** One response; `payload` is the raw `"result":…` or `"error":…`, `status` what modern http answers with. */
export interface Answer {
	readonly id: unknown;
	readonly payload: string;
	readonly status: number;
}

export interface CancelledCall {
	readonly id: string | number;
	readonly tool: string;
	readonly step: number;
}

export interface ToolDefinition {
	readonly name: string;
	readonly inputSchema: { readonly properties: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
}

export interface Behaviour {
	readonly cancelled: CancelledCall[];
	/** Undefined: the call was cancelled or crashed, no answer is due. */
	handle(request: RpcRequest, exchange: Exchange): Promise<Answer | undefined>;
	listTools(era: Era): ToolDefinition[];
}

export interface Wiring {
	readonly broadcast: (method: string, params: Record<string, unknown>) => void;
	readonly onCancelled?: (call: CancelledCall) => void;
}

export interface ListenRegistry {
	/** Acknowledges a listen and keeps it; the returned function forgets it. */
	open(request: RpcRequest, send: (message: object) => void): () => void;
	broadcast(method: string, params: Record<string, unknown>): void;
	closeAll(): void;
}

export class RpcError extends Error {
	constructor(code: number, message: string, more?: { data?: unknown; status?: number });
	readonly code: number;
	readonly data: unknown;
	readonly status: number;
}

export const LEGACY_VERSIONS: readonly string[];
export const MODERN_VERSION: string;
export const ODD_TOOL_NAME: string;
export const LONG_TOOL_NAME: string;
export function createBehaviour(options: FixtureOptions, wiring: Wiring): Behaviour;
export function createSessionState(): SessionState;
/** Throws when a listen asks for what its client cannot take. */
export function checkListen(request: RpcRequest): void;
export function createListenRegistry(): ListenRegistry;
export function appliesTo(hostile: Hostile | undefined, method: string | undefined): boolean;
export function distort(hostile: Hostile | undefined, answer: Answer): string[];
export function answerText(id: unknown, payload: string): string;
export function errorPayload(error: RpcError): string;
