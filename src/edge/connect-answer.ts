import { type PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import { objectText } from '../lib/json-text.ts';
import { type Answer, messageAnswer } from '../mcp/answer.ts';
import { type Call, successText } from '../mcp/call.ts';
import { type ConnectPage, connectQuestion } from '../mcp/modern/connect-question.ts';

/** The first revision whose clients know the error -32042 (mcp 2025-11-25: URL elicitation required). */
const KNOWS_ERROR = '2025-11-25';

/**
 * A call that was refused because its person has no account at the server, answered in the form that its client makes most
 * of: a question with a page, the error that names one, or for all others a failed tool whose text does. Throws every
 * other error as it is.
 */
export function connectAnswer(refused: unknown, call: Call | undefined): Answer {
	const error = toPortcullisError(refused);
	if (error.code !== 'PC_CONNECT_REQUIRED' || call?.kind !== 'request') throw error;
	const page = pageOf(error);
	const question = page && connectQuestion(call, page);
	if (question !== undefined) return messageAnswer(question);
	const isTold = call.era === 'legacy' && call.revision >= KNOWS_ERROR;
	if (isTold || call.method !== 'tools/call') throw error;
	return { kind: 'message', status: 200, body: failedTool(call, error), headers: {}, failed: true };
}

function pageOf({ facts }: PortcullisError): ConnectPage | undefined {
	return (facts.data?.['elicitations'] as readonly ConnectPage[] | undefined)?.[0];
}

function failedTool(call: Call, { sentence }: PortcullisError): string {
	const result = objectText({
		content: JSON.stringify([{ type: 'text', text: sentence }]),
		isError: 'true',
		...(call.era === 'modern' && { resultType: '"complete"' }),
	});
	return successText(call.idText, result);
}
