import { describe, expect, it } from 'vitest';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { ERRORS, type ErrorCode } from '../errors/table.ts';
import { refusalOf } from './refusal.ts';

const REQUEST = {
	requestId: 'r-1',
	idText: '"mine"',
	era: 'legacy',
	resourceMetadataUrl: 'https://mcp.example/.well-known/oauth-protected-resource/mcp',
} as const;
const CODES = Object.keys(ERRORS) as ErrorCode[];

describe('refusalOf', () => {
	it.each(CODES)('renders %s as the table has it, and nothing of its cause', (code) => {
		const error = new PortcullisError(code, { detail: 'DETAIL' }, { cause: new Error('CAUSE') });
		const { status, body } = refusalOf(error, REQUEST);
		expect(status).toBe(ERRORS[code].http);
		expect(JSON.parse(body)).toEqual({
			...{ jsonrpc: '2.0', id: 'mine' },
			error: { code: ERRORS[code].rpc, message: ERRORS[code].sentence, data: { code, request_id: 'r-1' } },
		});
		expect(body).not.toMatch(/DETAIL|CAUSE/);
	});

	it('challenges with 401, and where a scope is wanting', () => {
		for (const code of CODES) {
			const { status, headers } = refusalOf(new PortcullisError(code), REQUEST);
			expect(headers['www-authenticate'] !== undefined, code).toBe(status === 401 || code === 'PC_TOKEN_SCOPE');
		}
	});

	it('says with 503 when to come back, and with what it was told where it was', () => {
		for (const code of CODES) {
			const { status, headers } = refusalOf(new PortcullisError(code), REQUEST);
			expect(headers['retry-after'], code).toBe(status === 503 ? '1' : undefined);
		}
		const later = new PortcullisError('PC_UPSTREAM_STARTING', { retryAfterSeconds: 9 });
		expect(refusalOf(later, REQUEST).headers['retry-after']).toBe('9');
	});

	it('keeps the name and the request id when an error has data of its own', () => {
		const data = { code: 'forged', request_id: 'forged', header: 'mcp-name' };
		const { body } = refusalOf(new PortcullisError('PC_HEADER_MISMATCH', { data, idText: '7' }), REQUEST);
		expect(JSON.parse(body)).toMatchObject({
			id: 7,
			error: { data: { code: 'PC_HEADER_MISMATCH', request_id: 'r-1', header: 'mcp-name' } },
		});
	});

	it('answers an unknown method with 404 where 2026-07-28 wants it', () => {
		const error = new PortcullisError('PC_METHOD_UNKNOWN');
		expect(refusalOf(error, { ...REQUEST, era: 'modern' }).status).toBe(404);
		expect(refusalOf(error, { ...REQUEST, era: undefined }).status).toBe(200);
	});

	it('closes the connection whose rest it will not read', () => {
		expect(refusalOf(new PortcullisError('PC_BODY_TOO_LARGE'), REQUEST).headers['connection']).toBe('close');
	});
});
