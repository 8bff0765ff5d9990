import { editObject, objectText } from '../../lib/json-text.ts';
import { asObject, type Call, paramsText, successText } from '../call.ts';
import { opensPages } from '../client-features.ts';
import { profileOf } from '../legacy/session.ts';
import { readMessage } from '../read-message.ts';
import { META } from './envelope.ts';
import { mayAskForInput } from './restore-call.ts';

/** The page on which somebody connects an account, and what to say about it. */
export interface ConnectPage {
	readonly url: string;
	readonly message: string;
}

/** Key of the gateway's own question, so that its answer is told from those that a server wants. */
const KEY = 'io.portcullis/connect';

/**
 * The answer that has the caller open the page and send the call again (mcp 2026-07-28: patterns/mrtr); `undefined` where
 * the client opens no pages, or the method asks for nothing. There is no state to come back with: a call that is made
 * again is judged anew.
 */
export function connectQuestion(call: Call, { url, message }: ConnectPage): string | undefined {
	const declared = asObject(asObject(call.params['_meta'])?.[META.clientCapabilities]);
	if (call.era !== 'modern' || !mayAskForInput(call.method) || !opensPages(profileOf(declared))) return undefined;
	const params = objectText({ mode: '"url"', url: JSON.stringify(url), message: JSON.stringify(message) });
	const question = objectText({ method: '"elicitation/create"', params });
	const result = objectText({ resultType: '"input_required"', inputRequests: objectText({ [KEY]: question }) });
	return successText(call.idText, result);
}

/** The call without the answer to that question, which means nothing to a server; the same call where it has none. */
export function withoutConnectAnswer(call: Call): Call {
	const responses = call.era === 'modern' ? asObject(call.params['inputResponses']) : undefined;
	if (responses === undefined || !Object.hasOwn(responses, KEY) || call.paramsSpan === undefined) return call;
	const { [KEY]: _, ...others } = responses;
	const rest = Object.keys(others).length === 0 ? undefined : JSON.stringify(others);
	const params = editObject(paramsText(call), { inputResponses: rest });
	const text = call.text.slice(0, call.paramsSpan.start) + params + call.text.slice(call.paramsSpan.end);
	return readMessage({ text, value: JSON.parse(text), headers: call.headers });
}
