import { legacy, modern, type PlainAnswer, post } from '../fakes/gateway.ts';
import { type OpenStream, openPlainSession, openStream, type PlainSession } from './protocol-clients.ts';

/** Everything a client can be asked. */
export const ALL_FEATURES = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };

type Json = Readonly<Record<string, unknown>>;

/** What somebody called this answers to a question. */
export function answerOf(name: string, method: string): Json {
	if (method === 'elicitation/create') {
		return { action: 'accept', content: { name, color: 'blue', username: name, email: 'e', ok: true } };
	}
	if (method === 'roots/list') return { roots: [{ uri: `file:///home/${name}` }] };
	return { role: 'assistant', content: { type: 'text', text: `said-by-${name}` }, model: 'm' };
}

/** A legacy session whose questions a test answers by hand. */
export interface LegacyChat {
	readonly session: PlainSession;
	/** Begins a call and hands out its stream. */
	call(tool: string, args?: Json, more?: { readonly id?: number; readonly meta?: Json }): Promise<OpenStream>;
	/** Answers a question: a result, or an error where it has a member `error`. */
	answer(question: { readonly id: string }, outcome: Json): Promise<PlainAnswer>;
	end(): Promise<Response>;
}

/** Opens one. */
export async function legacyChat(url: string, token: string, capabilities: object = ALL_FEATURES): Promise<LegacyChat> {
	const session = await openPlainSession(url, { authorization: `Bearer ${token}` }, capabilities);
	return {
		session,
		call: (tool, args = {}, { id = 1, meta } = {}) => {
			const params = { name: tool, arguments: args, ...(meta && { _meta: meta }) };
			return openStream(url, session.headers, legacy('tools/call', params, id));
		},
		answer: ({ id }, outcome) => {
			const payload = outcome['error'] === undefined ? { result: outcome } : outcome;
			return post(url, { jsonrpc: '2.0', id, ...payload }, session.headers);
		},
		end: () => fetch(url, { method: 'DELETE', headers: session.headers }),
	};
}

/** A modern caller whose questions a test answers by hand. */
export interface ModernChat {
	call(tool: string, args?: Json, more?: Json): Promise<PlainAnswer>;
	/** Calls again with the state of a result that asks, and answers of somebody with this name. */
	retry(asked: PlainAnswer, name: string, tool: string, args?: Json): Promise<PlainAnswer>;
	/** Sends a call and hangs up when told. */
	leave(tool: string, args: Json, more: Json, signal: AbortSignal): Promise<unknown>;
}

/** Makes one. */
export function modernChat(url: string, token: string, capabilities: object = ALL_FEATURES): ModernChat {
	let lastId = 0;
	const messageOf = (tool: string, args: Json, more: Json) => {
		const { _meta, ...others } = more;
		const envelope = { 'io.modelcontextprotocol/clientCapabilities': capabilities, ...(_meta as object | undefined) };
		return modern('tools/call', { name: tool, arguments: args, ...others, _meta: envelope }, ++lastId);
	};
	const call: ModernChat['call'] = (tool, args = {}, more = {}) => {
		const { body, headers } = messageOf(tool, args, more);
		return post(url, body, { ...headers, authorization: `Bearer ${token}` });
	};
	return {
		call,
		retry: (asked, name, tool, args = {}) => call(tool, args, answersTo(asked, name)),
		leave(tool, args, more, signal) {
			const { body, headers } = messageOf(tool, args, more);
			const accept = 'application/json, text/event-stream';
			const all = { ...headers, accept, 'content-type': 'application/json', authorization: `Bearer ${token}` };
			return fetch(url, { method: 'POST', headers: all, body: JSON.stringify(body), signal }).catch(() => undefined);
		},
	};
}

/** `params` of a retry: the state of a result that asks, and what somebody with this name answers. */
export function answersTo({ json }: PlainAnswer, name: string): Json {
	const asked = Object.entries((json?.result?.inputRequests ?? {}) as Record<string, { method: string }>);
	const inputResponses = Object.fromEntries(asked.map(([key, { method }]) => [key, answerOf(name, method)]));
	return { requestState: json?.result?.requestState, inputResponses };
}

/** Questions in a result that asks, by key. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into questions of any shape.
export function questionsIn({ json }: PlainAnswer): Readonly<Record<string, any>> {
	return json?.result?.inputRequests ?? {};
}

/** Error code of a response, the gateway's own where it has one; `ok` for a result. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of any shape.
export function endOf(message: any): string {
	if (message?.result !== undefined) return message.result.resultType === 'input_required' ? 'asks' : 'ok';
	return String(message?.error?.data?.code ?? message?.error?.code);
}
