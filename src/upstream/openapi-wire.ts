import { PortcullisError } from '../errors/portcullis-error.ts';
import { type ExactObject, isExactObject, parseExact } from '../lib/json-exact.ts';
import { memberOf, objectText, sliceOf } from '../lib/json-text.ts';
import type { ScopeKey } from '../lib/scope.ts';
import { asObject } from '../mcp/call.ts';
import { META } from '../mcp/modern/envelope.ts';
import { NEWEST } from '../mcp/revisions.ts';
import { type HttpReply, sendHttp } from './http-exchange.ts';
import type { Documents } from './openapi/documents.ts';
import { failureSentence } from './openapi/failure-sentence.ts';
import { type ApiParts, fetchApi } from './openapi/fetch-api.ts';
import type { Operation, Service } from './openapi/operation.ts';
import { isFault, type Rendered, renderRequest } from './openapi/render-request.ts';
import { failureText, resultText } from './openapi/result-text.ts';
import { orAborted } from './or-aborted.ts';
import { checkStatus } from './reply-status.ts';
import type { Stamp } from './stamp.ts';
import type { Wire, WireRequest, WireResponse } from './wire.ts';

/** What an openapi wire is made of. */
export interface OpenApiWireParts extends ApiParts {
	/** Whose the credential is. */
	readonly scope: ScopeKey;
	readonly documents: Documents;
}

/** What comes back for a request: a member of a JSON-RPC response, and whose it is. */
interface Outcome {
	readonly member: 'result' | 'error';
	/** JSON text. */
	readonly value: string;
	readonly stamp: Stamp;
}

const ACCEPT = 'application/json, text/plain;q=0.9, */*;q=0.5';
const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;

/** A service with an OpenAPI document as an MCP server of revision 2026-07-28 that has tools and nothing else. */
export function openOpenApiWire(parts: OpenApiWireParts): Wire {
	const read = (): Promise<Service> => fetchApi(parts);
	const known = (): Promise<Service> => parts.documents.known(parts.scope, read);
	let lastId = 0;

	const answer = async (request: WireRequest, params: string): Promise<Outcome> => {
		const { method, stamp, signal } = request;
		if (method === 'server/discover') return { member: 'result', value: discovered(await known()), stamp };
		if (method === 'tools/list') {
			const service = await orAborted(parts.documents.again(parts.scope, read), signal);
			return { member: 'result', value: listed(service), stamp };
		}
		if (method === 'tools/call') return callTool(await orAborted(known(), signal), request, { params, parts });
		return refused(METHOD_NOT_FOUND, 'Method not found', stamp);
	};
	return {
		way: 'openapi',
		async request(request) {
			const id = ++lastId;
			return responseOf(id, await answer(request, request.paramsFor(id)));
		},
		notify: () => Promise.resolve(),
		settle: () => undefined,
		watch: () => Promise.resolve(undefined),
		// Every request has a connection of its own from a pool that others close.
		close: () => Promise.resolve(),
	};
}

function responseOf(id: number, { member, value, stamp }: Outcome): WireResponse {
	const text = `{"jsonrpc":"2.0","id":${id},"${member}":${value}}`;
	return { text, value: asObject(JSON.parse(text)) ?? {}, stamp };
}

const COMPLETE = { resultType: '"complete"', ttlMs: '0', cacheScope: '"private"' } as const;

function discovered({ title, version }: Service): string {
	return objectText({
		supportedVersions: JSON.stringify([NEWEST.modern]),
		capabilities: '{"tools":{}}',
		...COMPLETE,
		_meta: objectText({ [META.serverInfo]: JSON.stringify({ name: title || 'openapi', version }) }),
	});
}

function listed({ operations }: Service): string {
	return objectText({ tools: `[${[...operations.values()].map((each) => each.definition).join(',')}]`, ...COMPLETE });
}

function refused(code: number, message: string, stamp: Stamp): Outcome {
	return { member: 'error', value: JSON.stringify({ code, message }), stamp };
}

interface Calling {
	readonly params: string;
	readonly parts: OpenApiWireParts;
}

async function callTool(service: Service, request: WireRequest, { params, parts }: Calling): Promise<Outcome> {
	const { stamp } = request;
	const name = memberOf(params, 'name');
	const operation = name && service.operations.get(String(JSON.parse(sliceOf(params, name))));
	if (operation === undefined) return refused(INVALID_PARAMS, 'Unknown tool', stamp);
	const rendered = renderRequest(operation, argumentsOf(params));
	if (isFault(rendered)) return { member: 'result', value: complete(failureText(rendered.fault)), stamp };
	const reply = await send({ service, operation, rendered, request }, parts);
	return { member: 'result', value: complete(outcomeOf(reply, operation)), stamp: reply.stamp };
}

function argumentsOf(params: string): ExactObject {
	const given = memberOf(params, 'arguments');
	const value = given === undefined ? undefined : parseExact(sliceOf(params, given));
	return isExactObject(value) ? value : new Map();
}

function complete(result: string): string {
	return `${result.slice(0, -1)},"resultType":"complete"}`;
}

interface Sending {
	readonly service: Service;
	readonly operation: Operation;
	readonly rendered: Rendered;
	readonly request: WireRequest;
}

// Once, whatever comes of it: what has been carried out may not be carried out twice.
function send({ service, operation, rendered, request }: Sending, parts: OpenApiWireParts): Promise<HttpReply> {
	return sendHttp(parts.pool, {
		method: operation.method,
		path: service.basePath + rendered.path,
		headers: { accept: ACCEPT, ...rendered.headers, ...parts.credentialHeaders },
		body: rendered.body,
		signal: request.signal,
		limits: parts.server.limits,
		stamp: request.stamp,
	});
}

function outcomeOf(reply: HttpReply, operation: Operation): string {
	const { status, events } = reply;
	events?.cancel();
	if (events !== undefined) throw new PortcullisError('PC_UPSTREAM_INVALID', { detail: 'an answer without an end' });
	if (status < 300) return resultText(reply, operation);
	// A redirect, or a refused credential: not the caller's to solve.
	if (status < 400 || status === 401 || status === 403) checkStatus(status);
	const sentence = failureSentence(reply);
	if (sentence === undefined) checkStatus(status);
	return failureText(sentence ?? '');
}
