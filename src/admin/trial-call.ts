import { refusalOf } from '../edge/refusal.ts';
import { collapse } from '../edge/send-answer.ts';
import { PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import { ERRORS } from '../errors/table.ts';
import type { Answer } from '../mcp/answer.ts';
import { asObject } from '../mcp/call.ts';

/** How a call ended: with a result, or with an error of JSON-RPC. */
export type TrialEnd = { readonly result: unknown } | { readonly error: TrialError };

/** An error of JSON-RPC. */
export interface TrialError {
	readonly code: number;
	readonly message: string;
	readonly data?: unknown;
}

/** More is no use in one JSON answer, and reading it would hold up everybody else. */
const MOST_CHARS = 4 * 1024 * 1024;

/**
 * The end of a call. Refusals that MCP has within its answers are ends like any other; everything else that goes wrong is
 * thrown. Throws PC_UPSTREAM_*.
 */
export async function endOf(calling: Promise<Answer>, requestId: string): Promise<TrialEnd> {
	try {
		return readEnd(await collapse(await calling));
	} catch (error) {
		const known = toPortcullisError(error);
		if (ERRORS[known.code].http >= 400) throw known;
		const request = { requestId, idText: '1', era: 'modern', resourceMetadataUrl: '' } as const;
		return readEnd(refusalOf(known, request).body);
	}
}

function readEnd(text: string | undefined): TrialEnd {
	if (text === undefined) throw new PortcullisError('PC_UPSTREAM_FAILED', { detail: 'no final message' });
	if (text.length > MOST_CHARS) throw new PortcullisError('PC_UPSTREAM_TOO_LARGE');
	const message = asObject(JSON.parse(text)) ?? {};
	if (message['result'] !== undefined) return { result: message['result'] };
	const { code, message: sentence, data } = asObject(message['error']) ?? {};
	if (typeof code !== 'number' || typeof sentence !== 'string') {
		throw new PortcullisError('PC_UPSTREAM_INVALID', { detail: 'neither result nor error' });
	}
	return { error: { code, message: sentence, ...(data !== undefined && { data }) } };
}
