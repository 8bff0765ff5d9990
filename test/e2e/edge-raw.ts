import { connect, type Socket } from 'node:net';
import type { PlainAnswer } from '../fakes/gateway.ts';

/** What a socket was answered before it ended; `undefined` when it was closed without an answer. */
export type RawAnswer = PlainAnswer | undefined;

/** Writes bytes to the gateway as they are and reads one answer, for what no HTTP client would send. */
export function sendRaw(url: string, ...parts: readonly (string | Buffer)[]): Promise<RawAnswer> {
	return exchange(url, parts, () => undefined);
}

const HANG_UP_MS = 150;

/** The same, but hangs up after a while, for requests that may never be complete and so never be answered. */
export function sendAndHangUp(url: string, ...parts: readonly (string | Buffer)[]): Promise<RawAnswer> {
	return exchange(url, parts, (socket) => {
		const timer = setTimeout(() => socket.end(), HANG_UP_MS);
		socket.on('close', () => clearTimeout(timer));
	});
}

function exchange(
	url: string,
	parts: readonly (string | Buffer)[],
	afterwards: (socket: Socket) => void,
): Promise<RawAnswer> {
	return new Promise((resolve, reject) => {
		const { hostname, port } = new URL(url);
		const socket = connect(Number(port), hostname);
		const chunks: Buffer[] = [];
		const finish = (): void => resolve(parseAnswer(Buffer.concat(chunks)));
		socket.setTimeout(10_000, () => socket.destroy(new Error('no answer within 10 seconds')));
		socket.on('data', (chunk) => {
			chunks.push(chunk);
			if (isComplete(Buffer.concat(chunks))) socket.destroy();
		});
		socket.on('close', finish);
		socket.on('error', (error: NodeJS.ErrnoException) => (isHangUp(error) ? finish() : reject(error)));
		for (const part of parts) socket.write(part);
		afterwards(socket);
	});
}

/** A request as text; the headers stand as given, in order. */
export function rawRequest(line: string, headers: readonly string[], body: string | Buffer = ''): Buffer {
	return Buffer.concat([Buffer.from(`${[line, ...headers].join('\r\n')}\r\n\r\n`, 'latin1'), Buffer.from(body)]);
}

function isHangUp({ code }: NodeJS.ErrnoException): boolean {
	return code === 'ECONNRESET' || code === 'EPIPE';
}

function isComplete(bytes: Buffer): boolean {
	const head = bytes.indexOf('\r\n\r\n');
	if (head === -1) return false;
	const length = /\r\ncontent-length: (\d+)/i.exec(bytes.toString('latin1', 0, head))?.[1];
	return length !== undefined && bytes.length >= head + 4 + Number(length);
}

function parseAnswer(bytes: Buffer): RawAnswer {
	const head = bytes.indexOf('\r\n\r\n');
	if (head === -1) return undefined;
	const [line = '', ...lines] = bytes.toString('latin1', 0, head).split('\r\n');
	const pairs = lines.map((each): [string, string] => [
		each.slice(0, each.indexOf(':')),
		each.slice(each.indexOf(':') + 1).trim(),
	]);
	const text = bytes.toString('utf8', head + 4);
	return { status: Number(line.split(' ')[1]), headers: new Headers(pairs), text, json: jsonIn(text) };
}

function jsonIn(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
