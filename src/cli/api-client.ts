import { CommandError, failed } from './command-error.ts';

/** Any JSON object. */
export type JsonObject = { readonly [name: string]: unknown };

/** One request to the management API. */
export interface ApiRequest {
	readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
	/** Below `/api/v1`, with its query. */
	readonly path: string;
	readonly body?: unknown;
	readonly headers?: Readonly<Record<string, string>>;
}

/** A success. */
export interface ApiAnswer {
	readonly status: number;
	/** `undefined` where the answer has none. */
	readonly body: unknown;
	readonly etag: string | undefined;
}

/** A way to the management API. */
export interface ApiClient {
	/** Throws `ApiProblem` for a refusal, and `CommandError` when nobody answers. */
	request(request: ApiRequest): Promise<ApiAnswer>;
	close(): Promise<void>;
}

/** An answer as it arrived. */
export interface RawAnswer {
	readonly status: number;
	readonly headers: Readonly<Record<string, unknown>>;
	readonly text: string;
}

interface ProblemBody {
	readonly code: string;
	readonly detail: string;
	readonly request_id: string;
	readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

/** The database is away, what is known of it is too old, or the gateway is stopping. */
const AWAY: readonly string[] = ['PC_STORE_UNAVAILABLE', 'PC_CONFIGURATION_STALE', 'PC_SHUTTING_DOWN'];

/** A refusal of the management API. The message: its sentence, what is wrong with the input, and the request id. */
export class ApiProblem extends CommandError {
	readonly status: number;
	readonly code: string;
	readonly errors: readonly { readonly path: string; readonly message: string }[];

	constructor(status: number, { code, detail, errors = [], request_id }: ProblemBody) {
		const faults = errors.map(({ path, message }) => `  ${path}: ${message}`);
		super(AWAY.includes(code) ? 3 : 1, [detail, ...faults, `(${code}, request ${request_id})`].join('\n'));
		this.status = status;
		this.code = code;
		this.errors = errors;
	}
}

/** The answer, read. Throws `ApiProblem` for a refusal. */
export function readAnswer({ status, headers, text }: RawAnswer, from: string): ApiAnswer {
	if (status >= 300 && status < 400) {
		throw failed(`${from} answers with a redirect, which is not followed; give the address itself.`);
	}
	const body = readBody(text);
	if (status >= 400 && isProblem(body)) throw new ApiProblem(status, body);
	const isOdd = body === undefined && text !== '';
	if (status >= 400 || isOdd) throw failed(`${from} answers ${status}, but not like a gateway; is the address right?`);
	const { etag } = headers;
	return { status, body, etag: typeof etag === 'string' ? etag : undefined };
}

function isProblem(body: unknown): body is ProblemBody {
	const { code, detail, request_id: id } = (body ?? {}) as Partial<ProblemBody>;
	return [code, detail, id].every((member) => typeof member === 'string');
}

function readBody(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

/** A path of names that may hold anything; they are escaped. */
export function pathOf(...names: readonly string[]): string {
	return names.map((name) => `/${encodeURIComponent(name)}`).join('');
}

/** A query of what is there; empty without. */
export function queryOf(parameters: Readonly<Record<string, string | undefined>>): string {
	const given = new URLSearchParams();
	for (const [name, value] of Object.entries(parameters)) if (value !== undefined) given.set(name, value);
	return given.size === 0 ? '' : `?${given}`;
}
