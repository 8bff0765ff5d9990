import { expect } from 'vitest';
import { ERRORS, type ErrorCode } from '../../src/errors/table.ts';
import type { PlainAnswer, TestGateway } from '../fakes/gateway.ts';

/** What an answer says about itself, whatever it is: status and, where it is a refusal, its stable code. */
export function outcomeOf({ status, json }: PlainAnswer): string {
	const code: unknown = json?.error?.data?.code;
	return typeof code === 'string' ? `${status} ${code}` : String(status);
}

/** What `outcomeOf` says about a refusal with this code. */
export function refused(code: ErrorCode): string {
	return `${ERRORS[code].http} ${code}`;
}

/** What a sentence of the table may be followed by, about a token: what to ask the directory for. */
const ADVICE = '( The (scope|audience) to ask for is [^ ]+( or [^ ]+)*\\.)?';

/**
 * An answer is the refusal that the table describes: status, JSON-RPC code, sentence, stable code and the request id of
 * its header; nothing else unless the code has data of its own.
 */
export function expectRefusal(answer: PlainAnswer | undefined, code: ErrorCode, id: unknown = null): void {
	if (answer === undefined) throw new Error(`closed without an answer; expected ${code}`);
	const { http, rpc, sentence } = ERRORS[code];
	expect(outcomeOf(answer), answer.text).toBe(`${http} ${code}`);
	expect(answer.headers.get('content-type')).toBe('application/json');
	const requestId = answer.headers.get('x-request-id');
	expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
	expect(answer.json).toEqual({
		jsonrpc: '2.0',
		id,
		error: {
			code: rpc,
			message: isAboutToken(code) ? expect.stringMatching(advised(sentence)) : sentence,
			data: expect.objectContaining({ code, request_id: requestId }),
		},
	});
}

const isAboutToken = (code: ErrorCode): boolean => code.startsWith('PC_TOKEN_');

const advised = (sentence: string): RegExp => new RegExp(`^${sentence.replace(/[^\w ]/g, '\\$&')}${ADVICE}$`);

/** The outcome lines that the audit holds for an answered request. */
export function auditOf(gateway: TestGateway, answer: PlainAnswer): readonly Readonly<Record<string, unknown>>[] {
	const requestId = answer.headers.get('x-request-id');
	return gateway.audit().filter((line) => line['request'] === requestId);
}
