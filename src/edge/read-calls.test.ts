import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_EDGE_LIMITS } from '../config/limits.ts';
import { errorCode } from '../errors/portcullis-error.ts';
import type { Call } from '../mcp/call.ts';
import { readCalls } from './read-calls.ts';

const LIMITS = { ...DEFAULT_EDGE_LIMITS, bodyBytes: 1_000_000, jsonDepth: 8, jsonNodes: 100, batchMessages: 3 };

function read(text: string, headers: Readonly<Record<string, string>> = {}): readonly Call[] | string | undefined {
	try {
		return readCalls(text, new Map(Object.entries(headers)), LIMITS).calls;
	} catch (error) {
		return errorCode(error) ?? `a foreign error: ${error}`;
	}
}

const ping = (id: number): string => `{"jsonrpc":"2.0","id":${id},"method":"ping"}`;

describe('readCalls', () => {
	it('keeps each message of a batch as it was spelled', () => {
		const texts = [ping(1), '{ "method" : "ping" , "id":2.0,"jsonrpc":"2.0" }', '{"jsonrpc":"2.0","method":"n/x"}'];
		const calls = read(`[${texts.join(' ,\n')}]`) as readonly Call[];
		expect(calls.map(({ text }) => text)).toEqual(texts);
		expect(calls.map(({ kind, idText }) => [kind, idText])).toEqual([
			['request', '1'],
			['request', '2.0'],
			['notification', 'null'],
		]);
	});

	it('counts the messages of a batch', () => {
		expect(read(`[${[1, 2, 3].map(ping)}]`)).toHaveLength(3);
		expect(read(`[${[1, 2, 3, 4].map(ping)}]`)).toBe('PC_BATCH_REFUSED');
		expect(read('[]')).toBe('PC_BATCH_REFUSED');
	});

	it('refuses a batch with one bad message as a whole', () => {
		expect(read(`[${ping(1)},{"jsonrpc":"2.0"}]`)).toBe('PC_MESSAGE_INVALID');
		expect(read(`[${ping(1)},{"jsonrpc":"2.0","id":1,"Id":2,"method":"ping"}]`)).toBe('PC_JSON_AMBIGUOUS');
	});

	it('reads any JSON, or refuses it with a code of the table', () => {
		fc.assert(
			fc.property(fc.json({ maxDepth: 12, noUnicodeString: false }), (text) => {
				const outcome = read(text);
				expect(Array.isArray(outcome) || /^PC_/.test(String(outcome)), String(outcome)).toBe(true);
			}),
			{ numRuns: 2_000 },
		);
	});

	it('reads any text, or refuses it with a code of the table', () => {
		fc.assert(
			fc.property(fc.string({ unit: 'binary' }), fc.nat(60), (splinter, at) => {
				const text = ping(1);
				const outcome = read(text.slice(0, at) + splinter + text.slice(at));
				expect(Array.isArray(outcome) || /^PC_/.test(String(outcome)), String(outcome)).toBe(true);
			}),
			{ numRuns: 2_000 },
		);
	});
});
