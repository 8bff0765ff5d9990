import type { IncomingMessage, ServerResponse } from 'node:http';
import { fastify, type InjectOptions } from 'fastify';
import { API_ROOT } from '../edge/protected-resource.ts';
import { receive } from '../edge/visitor.ts';
import { createQueues } from '../lib/queues.ts';
import { type AnswerParts, type ApiRequest, answerRequest } from './answer-request.ts';
import { createDocumentHandler } from './document-handler.ts';
import type { Route } from './route.ts';

/** What the management API is made of. */
export interface AdminPlaneParts extends Omit<AnswerParts, 'queues' | 'timeoutMs'> {
	readonly routes: readonly Route[];
	readonly timeoutMs?: number;
}

/** A request that comes over no socket. */
export type LocalRequest = Pick<InjectOptions, 'method' | 'url' | 'headers' | 'payload'>;

/** What a local request is answered. */
export interface LocalAnswer {
	readonly status: number;
	readonly headers: Readonly<Record<string, unknown>>;
	readonly text: string;
}

/** The management API. */
export interface AdminPlane {
	/** Resolves when requests may come. */
	ready(): Promise<void>;
	handle(request: IncomingMessage, response: ServerResponse): void;
	/** Answers a request of this process; who asks is what `callerOf` says. */
	ask(request: LocalRequest): Promise<LocalAnswer>;
	close(): Promise<void>;
}

const TIMEOUT_MS = 30_000;

/** Builds the management API. Fastify finds the route and does no more: who asks is known before a body is read. */
export function createAdminPlane({ routes, timeoutMs = TIMEOUT_MS, ...given }: AdminPlaneParts): AdminPlane {
	if (given.idempotency === undefined && routes.some(({ idempotency }) => idempotency !== undefined)) {
		throw new Error('operations with an Idempotency-Key need a store for them');
	}
	const parts: AnswerParts = { ...given, queues: createQueues(), timeoutMs };
	const allowed = createAllowedMethods(routes);
	const arrive = (raw: Raw, found: Pick<ApiRequest, 'route' | 'params' | 'query'>): Promise<void> => {
		const visitor = receive(parts.snapshots, raw.request, raw.response);
		const allow = found.route === undefined ? allowed(raw.request) : [];
		return answerRequest(parts, { visitor, allow, ...found });
	};
	const lost = (raw: Raw): Promise<void> => arrive(raw, { route: undefined, params: {}, query: {} });

	const server = fastify({
		exposeHeadRoutes: false,
		routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1_024 },
		// A path that cannot be decoded is no path of ours.
		frameworkErrors: (_error, request, reply) => void lost({ request: request.raw, response: reply.hijack().raw }),
	});
	for (const route of routes) {
		server.route({
			method: route.method,
			url: API_ROOT + route.path,
			onRequest: async (request, reply) => {
				const raw = { request: request.raw, response: reply.hijack().raw };
				await arrive(raw, { route, params: request.params as Record<string, string>, query: request.query });
			},
			handler: unreachable,
		});
	}
	const sendDocument = createDocumentHandler(routes, parts.snapshots);
	server.get(`${API_ROOT}/openapi.json`, (request, reply) => sendDocument(request.raw, reply.hijack().raw));
	server.setNotFoundHandler({}, (request, reply) => lost({ request: request.raw, response: reply.hijack().raw }));
	return {
		ready: async () => void (await server.ready()),
		handle: (request, response) => server.routing(request, response),
		async ask(request) {
			const { statusCode, headers, body } = await server.inject(request);
			return { status: statusCode, headers, text: body };
		},
		close: () => server.close(),
	};
}

interface Raw {
	readonly request: IncomingMessage;
	readonly response: ServerResponse;
}

function unreachable(): never {
	throw new Error('the request was answered before');
}

/** Methods that the path of a lost request takes; none where its own is among them, and something else was amiss. */
function createAllowedMethods(routes: readonly Route[]): (request: IncomingMessage) => readonly string[] {
	const known = [{ method: 'GET', path: '/openapi.json' }, ...routes].map(({ method, path }) => ({
		method,
		pattern: new RegExp(`^${API_ROOT}${path.replaceAll('.', '\\.').replace(/:[A-Za-z]+/g, '[^/]+')}/?$`),
	}));
	return ({ url = '', method = '' }) => {
		const path = url.split('?', 1)[0] as string;
		const methods = new Set(known.filter(({ pattern }) => pattern.test(path)).map((each) => each.method));
		return methods.has(method) ? [] : [...methods];
	};
}
