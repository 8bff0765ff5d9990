import { describe, expect, test } from 'vitest';
import { failureSentence } from './failure-sentence.ts';
import type { Operation } from './operation.ts';
import { resultText } from './result-text.ts';

const reply = (body: string | Buffer, mediaType = 'application/json', status = 200, headers = {}) => ({
	...{ status, mediaType, headers, body: Buffer.from(body) },
});
const plain = { tool: 't', isMcpo: false, hasOutputSchema: false } as Operation;
const mcpo = { ...plain, isMcpo: true };

describe('a result', () => {
	test('has the bytes of the answer as text, and as structure where the tool promises one', () => {
		const body = '{ "n" : 12345678901234567890, "f": 1.0 }';
		const block = `{"type":"text","text":${JSON.stringify(body)}}`;
		expect(resultText(reply(body), plain)).toBe(`{"content":[${block}]}`);
		expect(resultText(reply(body), { ...plain, hasOutputSchema: true })).toBe(
			`{"content":[${block}],"structuredContent":${body}}`,
		);
		expect(resultText(reply('[1]'), { ...plain, hasOutputSchema: true })).not.toContain('structuredContent');
		expect(resultText(reply('{"a":'), { ...plain, hasOutputSchema: true })).not.toContain('structuredContent');
	});

	test('of mcpo is the text or image that mcpo was told', () => {
		const blockOf = (body: string) => JSON.parse(resultText(reply(body), mcpo)).content[0];
		expect(blockOf('"two\\nlines"')).toEqual({ type: 'text', text: 'two\nlines' });
		expect(blockOf('{"big":12345678901234567890}')).toEqual({ type: 'text', text: '{"big":12345678901234567890}' });
		expect(blockOf('"data:image/png;base64,AAE="')).toEqual({ type: 'image', mimeType: 'image/png', data: 'AAE=' });
		expect(blockOf('"half')).toEqual({ type: 'text', text: '"half' });
	});

	test('is an image, a sound, a file or nothing as the media type says', () => {
		const blockOf = (type: string) => JSON.parse(resultText(reply(Buffer.from([0, 255]), type), plain)).content[0];
		expect(blockOf('image/webp')).toEqual({ type: 'image', mimeType: 'image/webp', data: 'AP8=' });
		expect(blockOf('audio/mpeg')).toMatchObject({ type: 'audio' });
		expect(blockOf('application/pdf')).toEqual({
			type: 'resource',
			resource: { uri: 'openapi:t', mimeType: 'application/pdf', blob: 'AP8=' },
		});
		expect(resultText(reply(''), plain)).toBe('{"content":[]}');
	});
});

describe('a failure', () => {
	test.each([
		['{"detail":"Not Found"}', 'Not Found'],
		['{"detail":{"message":"bad","data":{"d":1}}}', 'bad'],
		['{"detail":{"message":"Unexpected error","error":"500: {\'message\': \'boom\'}"}}', 'boom'],
		['{"detail":{"message":"Unexpected error","error":"kaput"}}', 'Unexpected error: kaput'],
		[
			'{"detail":[{"loc":["body","timezone"],"msg":"Field required"},{"loc":["body"],"msg":"x"}]}',
			'timezone: Field required; x',
		],
		['{"title":"Conflict","detail":"It is taken."}', 'Conflict: It is taken.'],
		['{"error":{"message":"quota"}}', 'quota'],
		['{"error":"invalid","error_description":"why"}', 'why: invalid'],
		['{"errors":[{"field":"a","message":"b"}]}', 'a: b'],
	])('%s is told as: %s', (body, sentence) => {
		expect(failureSentence(reply(body, 'application/json', 500))).toBe(sentence);
	});

	test('without words has its status, or none where the service itself is at fault', () => {
		expect(failureSentence(reply('<html>', 'text/html', 404))).toBe('The service answered HTTP 404.');
		expect(failureSentence(reply('<html>', 'text/html', 502))).toBeUndefined();
		expect(failureSentence(reply('{}', 'application/json', 429, { 'retry-after': '7' }))).toBe(
			'The service answered HTTP 429. Wait 7 seconds before you try again.',
		);
		expect(failureSentence(reply(JSON.stringify({ detail: 'x'.repeat(9_000) }), 'application/json', 400))).toHaveLength(
			2_000,
		);
	});
});
