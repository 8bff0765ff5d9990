import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { legacy, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { rawRequest, sendAndHangUp, sendRaw } from './edge-raw.ts';
import { auditOf, expectRefusal, outcomeOf, refused } from './edge-refusal.ts';

const BODY_BYTES = 4_096;
const DEFAULT_BODY_BYTES = 1024 * 1024;

let gateway: TestGateway;
let roomy: TestGateway;
let url: string;
let authorization: string;

beforeAll(async () => {
	gateway = await startGateway({ limits: { bodyBytes: BODY_BYTES } });
	roomy = await startGateway({});
	url = `${gateway.url}/mcp`;
	authorization = `Bearer ${gateway.tokenFor([])}`;
});
afterAll(async () => {
	await gateway.close();
	await roomy.close();
});

/** A ping of exactly this many bytes. */
function pingOf(bytes: number): string {
	const empty = JSON.stringify(legacy('ping', { pad: '' }));
	return JSON.stringify(legacy('ping', { pad: 'x'.repeat(bytes - empty.length) }));
}

const HEAD = () => ['Host: localhost', `Authorization: ${authorization}`, 'Content-Type: application/json'];

function postChunked(body: string, chunkBytes: number): Promise<PlainAnswer | undefined> {
	const chunks = Array.from({ length: Math.ceil(body.length / chunkBytes) }, (_, at) => {
		const chunk = body.slice(at * chunkBytes, (at + 1) * chunkBytes);
		return `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
	});
	const head = rawRequest('POST /mcp HTTP/1.1', [...HEAD(), 'Transfer-Encoding: chunked']);
	return sendRaw(url, head, ...chunks, '0\r\n\r\n');
}

function postWith(headers: Readonly<Record<string, string>>, body: unknown = legacy('ping')): Promise<PlainAnswer> {
	return post(url, body, { authorization, ...headers });
}

describe('the size of a body', () => {
	it.each([
		[BODY_BYTES - 1, '200'],
		[BODY_BYTES, '200'],
		[BODY_BYTES + 1, refused('PC_BODY_TOO_LARGE')],
	])('of %i bytes with a Content-Length is answered %s', async (bytes, outcome) => {
		expect(outcomeOf(await postWith({}, pingOf(bytes)))).toBe(outcome);
	});

	it.each([
		[BODY_BYTES - 1, '200'],
		[BODY_BYTES, '200'],
		[BODY_BYTES + 1, refused('PC_BODY_TOO_LARGE')],
	])('of %i bytes in chunks is answered %s', async (bytes, outcome) => {
		for (const chunkBytes of [64, bytes]) {
			const answer = await postChunked(pingOf(bytes), chunkBytes);
			expect(answer && outcomeOf(answer), `${chunkBytes} bytes a chunk`).toBe(outcome);
		}
	});

	it('counts bytes and not characters', async () => {
		const wide = JSON.stringify(legacy('ping', { pad: 'ü'.repeat(BODY_BYTES / 2) }));
		expect(wide.length).toBeLessThan(BODY_BYTES);
		expectRefusal(await postWith({}, wide), 'PC_BODY_TOO_LARGE');
	});

	it('is one mebibyte unless the operator says otherwise', async () => {
		const headers = { authorization: `Bearer ${roomy.tokenFor([])}` };
		const fits = await post(`${roomy.url}/mcp`, pingOf(DEFAULT_BODY_BYTES), headers);
		const over = await post(`${roomy.url}/mcp`, pingOf(DEFAULT_BODY_BYTES + 1), headers);
		expect([outcomeOf(fits), outcomeOf(over)]).toEqual(['200', refused('PC_BODY_TOO_LARGE')]);
	});

	it('is refused by its announcement, before a byte of it has come', async () => {
		const head = rawRequest('POST /mcp HTTP/1.1', [...HEAD(), 'Content-Length: 99999999']);
		expectRefusal(await sendRaw(url, head), 'PC_BODY_TOO_LARGE');
	});

	it('closes the connection when it was too large, and says so', async () => {
		const answer = await postWith({}, pingOf(BODY_BYTES + 1));
		expect(answer.headers.get('connection')).toBe('close');
		expect(auditOf(gateway, answer)).toMatchObject([{ outcome: 'refused', code: 'PC_BODY_TOO_LARGE', stage: 'edge' }]);
	});

	it('is never in doubt: two lengths, or a length and chunks, are refused', async () => {
		const body = pingOf(100);
		for (const lengths of [
			['Content-Length: 100', 'Transfer-Encoding: chunked'],
			['Content-Length: 100', 'Content-Length: 90'],
			['Content-Length: -1'],
			['Content-Length: 1e2'],
			['Transfer-Encoding: gzip, chunked, identity'],
		]) {
			const answer = await sendRaw(url, rawRequest('POST /mcp HTTP/1.1', [...HEAD(), ...lengths], body));
			expect(answer?.status, lengths.join()).toBe(400);
		}
	});

	it('that stops half way leaves nothing behind', async () => {
		const head = rawRequest('POST /mcp HTTP/1.1', [...HEAD(), 'Content-Length: 100'], '{"jsonrpc":');
		const answer = await sendAndHangUp(url, head);
		expect(answer === undefined || answer.status === 400).toBe(true);
		expect(outcomeOf(await postWith({}))).toBe('200');
	});
});

describe('the kind of a body', () => {
	it.each([
		'application/json',
		'APPLICATION/JSON',
		'application/json; charset=utf-8',
		'application/json;charset=UTF-8',
		'application/json ; charset="utf-8"',
	])('may be %s', async (type) => expect(outcomeOf(await postWith({ 'content-type': type }))).toBe('200'));

	it.each([
		'text/plain',
		'application/x-www-form-urlencoded',
		'multipart/form-data; boundary=x',
		'application/json; charset=utf-16',
		'application/json; charset=iso-8859-1',
		'application/json, text/plain',
		'text/plain; application/json',
		'application/json-rpc',
		'application/jsonx',
		'application/vnd.api+json',
		'application/json; x=y',
		'json',
		'',
	])('may not be "%s"', async (type) => expectRefusal(await postWith({ 'content-type': type }), 'PC_MEDIA_TYPE'));

	it('must be said', async () => {
		const body = JSON.stringify(legacy('ping'));
		const headers = ['Host: localhost', `Authorization: ${authorization}`, `Content-Length: ${body.length}`];
		expectRefusal(await sendRaw(url, rawRequest('POST /mcp HTTP/1.1', headers, body)), 'PC_MEDIA_TYPE');
	});

	it.each(['gzip', 'deflate', 'br', 'zstd', 'gzip, identity', 'GZIP'])('may not be encoded as %s', async (encoding) => {
		const body = gzipSync(JSON.stringify(legacy('ping')));
		const headers = [...HEAD(), `Content-Encoding: ${encoding}`, `Content-Length: ${body.length}`];
		expectRefusal(await sendRaw(url, rawRequest('POST /mcp HTTP/1.1', headers, body)), 'PC_MEDIA_TYPE');
	});

	it('may be encoded as identity, which is none', async () => {
		expect(outcomeOf(await postWith({ 'content-encoding': 'identity' }))).toBe('200');
	});
});
