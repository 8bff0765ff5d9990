import * as z from 'zod';
import type { Snapshot } from '../config/snapshot.ts';
import { SLUG } from '../lib/slug.ts';
import type { PlatformTx, WorkspaceTx } from '../store/tx.ts';
import type { Caller } from './caller.ts';
import type { Authorization } from './decide-access.ts';
import type { Precondition } from './precondition.ts';

/** HTTP methods of operations. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What an operation answers. */
export interface ApiAnswer {
	readonly status: number;
	/** As the response schema says; its `version`, where it has one, becomes the ETag. */
	readonly body?: unknown;
	/** Path below `/api/v1` of what was created. */
	readonly location?: string;
	/** What a repeat of the request is answered in place of `body`, and all that is kept: for what is shown only once. */
	readonly keptBody?: unknown;
}

/** What an operation is given of one request. All of it has been checked. */
export interface Context<Params = Readonly<Record<string, string>>, Query = unknown, Body = unknown> {
	readonly requestId: string;
	/** Id of the operation. */
	readonly operation: string;
	readonly caller: Caller;
	/** The configuration when the request was let in. */
	readonly snapshot: Snapshot;
	readonly params: Params;
	readonly query: Query;
	readonly body: Body;
	/** Of PUT, PATCH and DELETE; for `requireMatch`. */
	readonly precondition: Precondition | undefined;
	/** Aborts when the caller goes away or has waited for too long. */
	readonly signal: AbortSignal;
	/**
	 * Makes a change once for each Idempotency-Key: gives the kept answer where there is one, and otherwise keeps the
	 * answer of `change` in the same transaction. An operation with `idempotency` makes all of its changes in it. Throws
	 * PC_IDEMPOTENCY_KEY_REUSED.
	 */
	once<A extends ApiAnswer>(tx: WorkspaceTx | PlatformTx, change: () => Promise<A>): Promise<A>;
}

/** What each status is answered with; `null`: nothing. */
export type Responses = Readonly<Record<number, z.ZodType | null>>;

/** Query parameters by name. */
export type QueryShape = Readonly<Record<string, z.ZodType>>;

/** How much a body may be: bytes, and depth and number of its values. */
export interface BodyBounds {
	readonly bytes: number;
	readonly depth: number;
	readonly nodes: number;
}

/** One operation of the management API, as the server and its document read it. */
export interface Route {
	/** `operationId` of the document. */
	readonly id: string;
	readonly method: Method;
	/** Below `/api/v1`, such as `/workspaces/:workspace/servers/:server`. */
	readonly path: string;
	readonly summary: string;
	readonly authorize: Authorization;
	/** Schemas of all parameters of the path. */
	readonly params: Readonly<Record<string, z.ZodType<string>>>;
	readonly query: z.ZodObject;
	readonly body: z.ZodType | undefined;
	/** `undefined`: as much as any body. */
	readonly bodyBounds: BodyBounds | undefined;
	readonly responses: Responses;
	readonly idempotency: 'creation' | undefined;
	handle(context: Context): Promise<ApiAnswer> | ApiAnswer;
}

/** Names of the parameters of a path. */
export type ParamName<Path extends string> = Path extends `${string}:${infer Rest}`
	? Rest extends `${infer Name}/${infer More}`
		? Name | ParamName<`/${More}`>
		: Rest
	: never;

/** Levels in a workspace can be asked for only where the path names one; and there it is never enough to be signed in. */
type AuthorizationAt<Path extends string> =
	'workspace' extends ParamName<Path>
		? Exclude<Authorization, 'signed-in' | 'administrator'>
		: Extract<Authorization, string>;

type AnswerFor<R extends Responses> = {
	[S in keyof R & number]: {
		readonly status: S;
		readonly location?: string;
	} & (R[S] extends z.ZodType
		? { readonly body: z.output<R[S]>; readonly keptBody?: z.output<R[S]> }
		: { readonly body?: undefined });
}[keyof R & number];

/** An operation as its resource writes it down. */
export interface RouteDefinition<
	Path extends string,
	Query extends QueryShape,
	Body extends z.ZodType,
	R extends Responses,
> {
	readonly id: string;
	readonly method: Method;
	readonly path: Path;
	/** One line for the document. */
	readonly summary: string;
	readonly authorize: AuthorizationAt<Path>;
	/** Parameters of the path that are no slugs. */
	readonly params?: { readonly [Name in ParamName<Path>]?: z.ZodType<string> };
	readonly query?: Query;
	/** Its objects are strict: whatever is not named is refused. */
	readonly body?: Body;
	readonly bodyBounds?: BodyBounds;
	readonly responses: R;
	/** Takes an Idempotency-Key; its change is made in `context.once`. */
	readonly idempotency?: 'creation';
	handle(
		context: Context<{ readonly [Name in ParamName<Path>]: string }, z.output<z.ZodObject<Query>>, z.output<Body>>,
	): Promise<AnswerFor<NoInfer<R>>> | AnswerFor<NoInfer<R>>;
}

const SLUG_PARAM = z.string().regex(SLUG);

/** Writes down one operation. */
export function defineRoute<
	const Path extends string,
	const R extends Responses,
	Query extends QueryShape = Readonly<Record<never, never>>,
	Body extends z.ZodType = z.ZodUndefined,
>(definition: RouteDefinition<Path, Query, Body, R>): Route {
	const { params = {}, query = {}, body, bodyBounds, idempotency } = definition;
	const given: Readonly<Record<string, z.ZodType<string> | undefined>> = params;
	return Object.freeze({
		...definition,
		params: Object.fromEntries(paramNames(definition.path).map((name) => [name, given[name] ?? SLUG_PARAM])),
		query: z.strictObject(query),
		body,
		bodyBounds,
		idempotency,
	});
}

/** Names of the parameters of a path, in order. */
export function paramNames(path: string): readonly string[] {
	return [...path.matchAll(/:([A-Za-z]+)/g)].map((match) => match[1] ?? '');
}

/** The path as documents and records write it: `/workspaces/{workspace}`. */
export function templateOf(path: string): string {
	return path.replace(/:([A-Za-z]+)/g, '{$1}');
}

/** Whether the operation changes something, by the meaning of its method. */
export function isChange({ method }: Pick<Route, 'method'>): boolean {
	return method !== 'GET';
}

/** Whether the operation changes what is there already, and so must be told which version of it is meant. */
export function demandsMatch({ method }: Pick<Route, 'method'>): boolean {
	return method === 'PUT' || method === 'PATCH' || method === 'DELETE';
}
