import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSseParser, type ServerSentEvent } from './sse-parser.ts';

const LIMIT = 10_000;

/** All events of these chunks, and whether the parser took them all. */
function parse(chunks: readonly (string | Buffer)[], limit = LIMIT): { events: ServerSentEvent[]; taken: boolean } {
	const events: ServerSentEvent[] = [];
	const parser = createSseParser(limit, (event) => events.push(event));
	const taken = chunks.every((chunk) => parser.push(Buffer.from(chunk)));
	return { events, taken };
}

const event = (facts: Partial<ServerSentEvent>): ServerSentEvent => ({
	event: undefined,
	data: '',
	id: undefined,
	retry: undefined,
	...facts,
});

const ending = fc.constantFrom('\n', '\r\n', '\r');
const line = fc.oneof(
	fc.constantFrom('', 'data', 'data:', 'data: ', 'data:  x', 'id: 7', 'id', 'retry: 50', 'retry: x', 'event: message'),
	fc.constantFrom(': comment', ':', 'unknown: x', 'data: ü👋', 'data: {"a":1}', ' data: x', 'DATA: x'),
	fc.stringMatching(/^[a-z: ü👋]{0,12}$/u),
);
const stream = fc.array(fc.tuple(line, ending), { maxLength: 20 }).map((lines) => lines.flat().join(''));

describe('a stream', () => {
	it('gives the same events however it is cut into chunks', () => {
		fc.assert(
			fc.property(stream, fc.array(fc.nat({ max: 400 }), { maxLength: 12 }), (text, cuts) => {
				const bytes = Buffer.from(text);
				const at = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
				const chunks = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
				expect(parse(chunks)).toEqual(parse([bytes]));
			}),
		);
	});

	it('gives the same events byte by byte', () => {
		fc.assert(
			fc.property(stream, (text) => {
				const bytes = Buffer.from(text);
				const single = [...bytes.keys()].map((index) => bytes.subarray(index, index + 1));
				expect(parse(single)).toEqual(parse([bytes]));
			}),
		);
	});

	it('gives the same events whatever ends its lines', () => {
		fc.assert(
			fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
				const [lf, crlf, cr] = ['\n', '\r\n', '\r'].map((end) => parse([lines.map((each) => each + end).join('')]));
				expect(crlf).toEqual(lf);
				expect(cr).toEqual(lf);
			}),
		);
	});
});

describe('an event', () => {
	it.each([
		['data: a\n\n', [event({ data: 'a' })]],
		['data:a\n\n', [event({ data: 'a' })]],
		['data:  a\n\n', [event({ data: ' a' })]],
		['data: a\ndata\ndata: b\n\n', [event({ data: 'a\n\nb' })]],
		['event: x\ndata: a\nid: 7\nretry: 50\n\n', [event({ event: 'x', data: 'a', id: '7', retry: 50 })]],
		['id: 1\nid: 2\ndata: a\n\n', [event({ data: 'a', id: '2' })]],
		['id: 1\n\n', [event({ id: '1' })]],
		['id\ndata: a\n\n', [event({ data: 'a', id: '' })]],
		['id: a\0b\ndata: a\n\n', [event({ data: 'a' })]],
		['retry: 1.5\ndata: a\n\n', [event({ data: 'a' })]],
		['retry: 99999999999\ndata: a\n\n', [event({ data: 'a' })]],
		[': ping\n\n: ping\n\n', []],
		['event: x\n\n', []],
		['\n\n\n', []],
		['data: never ended\n', []],
		['data: never ended', []],
		['Data: a\nother: b\ndata : c\n\n', []],
		['data: {"a":"\u2028\u2029\u0085"}\n\n', [event({ data: '{"a":"\u2028\u2029\u0085"}' })]],
		['data: a\r\rdata: b\r\n\r\ndata: c\n\n', ['a', 'b', 'c'].map((data) => event({ data }))],
		['data: a\n\r\n\n', [event({ data: 'a' })]],
	])('is read from %j as the standard says', (text, events) => {
		expect(parse([text]).events).toEqual(events);
	});

	it('that ends in a bare CR is handed over at once', () => {
		expect(parse(['data: a\r', '\r']).events).toEqual([event({ data: 'a' })]);
		expect(parse(['data: a\r', '\n\r', '\ndata: b\r\n', '\r']).events).toEqual(
			['a', 'b'].map((data) => event({ data })),
		);
	});

	it('may have characters cut in the middle', () => {
		const bytes = Buffer.from('data: 👋ü\n\n');
		expect(parse([bytes.subarray(0, 8), bytes.subarray(8, 11), bytes.subarray(11)]).events).toEqual([
			event({ data: '👋ü' }),
		]);
	});
});

describe('the size limit', () => {
	it('lets an event of exactly that many characters pass, and none that is longer', () => {
		const limit = 100;
		const fitting = `data: ${'x'.repeat(limit - 6)}`;
		expect(parse([`${fitting}\n\n${fitting}\n\n`], limit)).toMatchObject({ taken: true, events: [{}, {}] });
		expect(parse([`${fitting}x\n\n`], limit).taken).toBe(false);
	});

	it('counts a line before it has ended', () => {
		expect(parse(Array(11).fill('0123456789'), 100).taken).toBe(false);
	});

	it('counts all lines of one event, those nobody reads included', () => {
		expect(parse(Array(30).fill('data: a\n'), 100).taken).toBe(false);
		expect(parse(Array(30).fill(': drip\n'), 100).taken).toBe(false);
		expect(parse(Array(30).fill(': drip\n\n'), 100).taken).toBe(true);
	});

	it('is reached by a line in very many pieces without searching all of it each time', () => {
		const events: ServerSentEvent[] = [];
		const parser = createSseParser(400_000, (each) => events.push(each));
		const piece = Buffer.from('x');
		expect(parser.push(Buffer.from('data: '))).toBe(true);
		// With a search from the start each time this would go far beyond the time limit of a test.
		for (let count = 0; count < 300_000; count++) parser.push(piece);
		parser.push(Buffer.from('\n\n'));
		expect(events[0]?.data).toHaveLength(300_000);
	});
});
