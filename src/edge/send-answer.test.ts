import { describe, expect, it } from 'vitest';
import { createSseParser } from '../lib/sse-parser.ts';
import { emptyAnswer, messageAnswer } from '../mcp/answer.ts';
import { collapse, frameText } from './send-answer.ts';

function eventsIn(text: string): unknown[] {
	const events: unknown[] = [];
	createSseParser(10_000, (event) => void events.push(event)).push(Buffer.from(text));
	return events;
}

describe('frameText', () => {
	it.each([
		['{"a":1}', undefined, undefined],
		['{"a":\n1}', '7', 100],
		['', 'e-1', undefined],
		['\n\n', undefined, undefined],
	])('writes %j as one event that reads back the same', (data, id, retry) => {
		expect(eventsIn(frameText({ data, id, retry }))).toEqual([{ event: 'message', data, id, retry }]);
	});
});

describe('collapse', () => {
	it('gives the final message of each kind of answer, where there is one', async () => {
		expect(await collapse(messageAnswer('{"x":1}'))).toBe('{"x":1}');
		expect(await collapse(messageAnswer(Buffer.from('{"x":2}')))).toBe('{"x":2}');
		expect(await collapse(emptyAnswer(202))).toBeUndefined();
		const headers = {};
		const streamed = {
			...{ kind: 'stream', headers },
			async pump(sink) {
				await sink.write({ data: '"progress"' });
				await sink.last({ data: '"final"' });
				return 'complete';
			},
		} satisfies Parameters<typeof collapse>[0];
		expect(await collapse(streamed)).toBe('"final"');
		expect(await collapse({ kind: 'stream', headers, pump: async () => 'open-ended' })).toBeUndefined();
	});
});
