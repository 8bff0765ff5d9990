import { memberOf, sliceOf } from '../lib/json-text.ts';
import type { WireQuestion } from './wire.ts';

/** The question in a server's JSON-RPC request; `send` takes the text of the response, once. */
export function questionOf(text: string, method: string, send: (text: string) => void): WireQuestion {
	const id = memberOf(text, 'id');
	const params = memberOf(text, 'params');
	let answered = false;
	return {
		method,
		params: params === undefined ? '{}' : sliceOf(text, params),
		answer(member, value) {
			if (answered) return;
			answered = true;
			send(`{"jsonrpc":"2.0","id":${id === undefined ? 'null' : sliceOf(text, id)},"${member}":${value}}`);
		},
	};
}

/**
 * Answers a question that reaches no caller: a ping as it wants, everything else with a refusal, which ends the server's
 * wait at once.
 */
export function refuseQuestion(question: WireQuestion): void {
	const message = 'There is nobody here who could answer this question.';
	if (question.method === 'ping') question.answer('result', '{}');
	else question.answer('error', JSON.stringify({ code: -32601, message }));
}
