import { describe, expect, it } from 'vitest';
import { DEFAULT_EDGE_LIMITS } from '../config/limits.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { readSseCall } from './sse-message.ts';

function read(body: unknown, headers: Readonly<Record<string, string>> = {}) {
	const text = typeof body === 'string' ? body : JSON.stringify(body);
	try {
		return readSseCall(text, new Map(Object.entries(headers)), DEFAULT_EDGE_LIMITS);
	} catch (error) {
		if (!(error instanceof PortcullisError)) throw error;
		return { code: error.code, ...error.facts };
	}
}

const LIST = { jsonrpc: '2.0', id: 'a', method: 'tools/list' };
const CLAIM = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };

describe('readSseCall', () => {
	it('reads one legacy message, within the session that the gateway knows', () => {
		const call = read(LIST, { 'mcp-session-id': 's', 'mcp-protocol-version': '2024-11-05' });
		expect(call).toMatchObject({
			kind: 'request',
			era: 'legacy',
			revision: '2024-11-05',
			sessionId: 's',
			idText: '"a"',
		});
	});

	it.each([[[LIST]], [[]], [' \n[1'], ['[']])('takes no batch: %j', (body) => {
		expect(read(body)).toMatchObject({ code: 'PC_BATCH_REFUSED' });
	});

	it.each([
		['a claim', { ...LIST, params: { _meta: CLAIM } }, {}, '2026-07-28', '"a"'],
		[
			'a later claim',
			{ ...LIST, params: { _meta: { ...CLAIM, [Object.keys(CLAIM)[0] as string]: '2027-01-01' } } },
			{},
			'2027-01-01',
			'"a"',
		],
		['a header', LIST, { 'mcp-protocol-version': '2026-07-28' }, undefined, '"a"'],
		['a notification', { jsonrpc: '2.0', method: 'x' }, { 'mcp-protocol-version': '2026-07-28' }, undefined, 'null'],
	])('says what is spoken to %s of 2026-07-28', (_, body, headers, requested, idText) => {
		const refused = read(body, headers as Record<string, string>);
		expect(refused).toMatchObject({ code: 'PC_REVISION_UNSUPPORTED', idText, data: { requested } });
		expect(refused).toHaveProperty('data.supported', ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05']);
	});

	it.each([
		['{', 'PC_JSON_INVALID'],
		['{"a":1,"a":2}', 'PC_JSON_AMBIGUOUS'],
		['{"jsonrpc":"2.0"}', 'PC_MESSAGE_INVALID'],
		['null', 'PC_MESSAGE_INVALID'],
	])('refuses %s as every POST does', (body, code) => {
		expect(read(body)).toMatchObject({ code });
	});

	it('names the message where its id is known', () => {
		expect(read({ ...LIST, params: [] })).toMatchObject({ code: 'PC_PARAMS_INVALID', idText: '"a"' });
		expect(read(LIST, { 'mcp-protocol-version': '1999-01-01' })).toMatchObject({
			code: 'PC_LEGACY_REVISION_UNSUPPORTED',
			idText: '"a"',
		});
	});
});
