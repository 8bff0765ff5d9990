import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCode } from '../../errors/portcullis-error.ts';
import { checkEnvelope, claimedRevision, decodeHeaderText, encodeHeaderText, META } from './envelope.ts';

describe('text in a header', () => {
	const anyText = fc.oneof(
		fc.string({ unit: 'grapheme' }),
		fc.string(),
		fc.constantFrom('', ' ', '\t', ' a', 'a ', '=?base64?eA==?=', '=?base64??=', '=?base64?', 'a\r\nb: c', '\0', 'ÿ'),
	);

	it('comes back as it was', () => {
		fc.assert(
			fc.property(anyText, (text) => {
				expect(decodeHeaderText(encodeHeaderText(text))).toBe(text);
			}),
		);
	});

	it('is always one that a header can carry', () => {
		fc.assert(
			fc.property(anyText, (text) => {
				expect(encodeHeaderText(text)).toMatch(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/);
			}),
		);
	});

	it('is plain where it can be, and base64 where it cannot', () => {
		expect(encodeHeaderText('get weather')).toBe('get weather');
		expect(encodeHeaderText('Zürich')).toBe('=?base64?WsO8cmljaA==?=');
		expect(encodeHeaderText('')).toBe('=?base64??=');
		expect(encodeHeaderText('=?base64?eA==?=')).toBe('=?base64?PT9iYXNlNjQ/ZUE9PT89?=');
	});

	it('may have white space around it', () => {
		expect(decodeHeaderText('  get weather\t')).toBe('get weather');
		expect(decodeHeaderText(' =?base64?eA==?= ')).toBe('x');
	});

	it.each(['=?base64?eA?=', '=?base64?eA=?=', '=?base64?eB==?=', '=?base64?e?=', '=?base64?eA===?='])(
		'is broken when its base64 is not the canonical spelling: %s',
		(value) => {
			expect(decodeHeaderText(value) === undefined || decodeHeaderText(value) === value).toBe(true);
			expect(decodeHeaderText(value)).not.toBe('x');
		},
	);
});

const META_OK = { [META.protocolVersion]: '2026-07-28', [META.clientCapabilities]: {} };
const HEADERS_OK = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'echo' };

function check(parts: { meta?: unknown; headers?: object; method?: string; params?: object }): unknown {
	const { meta = META_OK, headers = HEADERS_OK, method = 'tools/call', params = { name: 'echo' } } = parts;
	const subject = {
		method,
		params: { ...params, _meta: meta },
		headers: new Map(Object.entries(headers) as [string, string][]),
		idText: '1',
	};
	try {
		return checkEnvelope(subject);
	} catch (error) {
		return errorCode(error);
	}
}

describe('the envelope of a request', () => {
	it('is fine when headers and body agree', () => {
		expect(check({})).toBeUndefined();
		expect(check({ headers: { ...HEADERS_OK, 'mcp-name': '=?base64?ZWNobw==?=' } })).toBeUndefined();
		expect(check({ params: {}, headers: { ...HEADERS_OK, 'mcp-name': 'anything' } })).toBeUndefined();
		const vendor = { method: 'vendor/x', params: { name: 'echo' } };
		expect(
			check({ ...vendor, headers: { ...HEADERS_OK, 'mcp-method': 'vendor/x', 'mcp-name': 'other' } }),
		).toBeUndefined();
	});

	it.each([
		['mcp-protocol-version', '2025-11-25'],
		['mcp-method', 'tools/list'],
		['mcp-method', 'TOOLS/CALL'],
		['mcp-name', 'Echo'],
		['mcp-name', ''],
		['mcp-name', '=?base64?ZWNob1==?='],
	])('is a mismatch when %s says "%s"', (header, value) => {
		expect(check({ headers: { ...HEADERS_OK, [header]: value } })).toBe('PC_HEADER_MISMATCH');
	});

	it.each(Object.keys(HEADERS_OK))('is a mismatch without %s', (header) => {
		const headers = Object.fromEntries(Object.entries(HEADERS_OK).filter(([name]) => name !== header));
		expect(check({ headers })).toBe('PC_HEADER_MISMATCH');
	});

	it('is looked at in a fixed order: what is missing, version, capabilities, method, name', () => {
		const nothing = { headers: {}, params: { name: 'echo' } };
		expect(check({ ...nothing, meta: {} })).toBe('PC_ENVELOPE_INVALID');
		expect(check({ meta: { ...META_OK, [META.protocolVersion]: '2099-01-01' } })).toBe('PC_HEADER_MISMATCH');
		const later = { 'mcp-protocol-version': '2099-01-01' };
		expect(check({ meta: { [META.protocolVersion]: '2099-01-01' }, headers: later })).toBe('PC_REVISION_UNSUPPORTED');
		const bare = { [META.protocolVersion]: '2026-07-28' };
		expect(check({ meta: bare, headers: { 'mcp-protocol-version': '2026-07-28' } })).toBe('PC_ENVELOPE_INVALID');
	});

	it('mirrors what names the thing: name, uri or taskId', () => {
		for (const [method, params, name] of [
			['prompts/get', { name: 'p' }, 'p'],
			['resources/read', { uri: 'a:b', name: 'other' }, 'a:b'],
			['tasks/get', { taskId: 't' }, 't'],
		] as const) {
			const headers = { ...HEADERS_OK, 'mcp-method': method };
			expect(check({ method, params, headers: { ...headers, 'mcp-name': name } })).toBeUndefined();
			expect(check({ method, params, headers })).toBe('PC_HEADER_MISMATCH');
		}
	});
});

describe('the claim of a revision', () => {
	it('is text in _meta and nothing else', () => {
		expect(claimedRevision({ _meta: META_OK })).toBe('2026-07-28');
		for (const params of [
			{},
			{ _meta: null },
			{ _meta: 'x' },
			{ _meta: [META_OK] },
			{ _meta: { [META.protocolVersion]: 1 } },
		])
			expect(claimedRevision(params)).toBeUndefined();
	});
});
