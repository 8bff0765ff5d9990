import { connect, type Socket } from 'node:net';
import { createFailure, type Load, type Meter } from './load-meter.ts';
import { callText, isAnswerTo, type LoadTarget } from './load-wire.ts';

/** The address of an http target. */
export type HttpTarget = Extract<LoadTarget, { kind: 'http' }>;

const HEAD_END = '\r\n\r\n';

/** Every line of a request head but the length and, for modern requests, the method and name. */
function headLines({ path, port, token, era }: HttpTarget, sessionId: string | undefined): string[] {
	return [
		`POST ${path} HTTP/1.1`,
		`host: 127.0.0.1:${port}`,
		'content-type: application/json',
		'accept: application/json, text/event-stream',
		`mcp-protocol-version: ${era === 'modern' ? '2026-07-28' : '2025-11-25'}`,
		...(token ? [`authorization: Bearer ${token}`] : []),
		...(sessionId ? [`mcp-session-id: ${sessionId}`] : []),
	];
}

/** The head of every `tools/call` of one load; all calls have one length. */
function callHead(target: HttpTarget, sessionId: string | undefined, bodyBytes: number): string {
	const modern = target.era === 'modern' ? ['mcp-method: tools/call', 'mcp-name: echo'] : [];
	return [...headLines(target, sessionId), ...modern, `content-length: ${bodyBytes}`, '', ''].join('\r\n');
}

/** The body of a whole response; undefined while bytes are missing. Throws what is no JSON answer. */
function readBody(text: string): string | undefined {
	const headEnd = text.indexOf(HEAD_END);
	if (headEnd < 0) return undefined;
	const head = text.slice(0, headEnd);
	const body = headEnd + HEAD_END.length;
	if (!head.startsWith('HTTP/1.1 200')) throw new Error(`unexpected answer: ${text.slice(0, 600)}`);
	const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
	if (length !== undefined) return text.length >= body + Number(length) ? text.slice(body) : undefined;
	// Chunked: the texts of this bench hold no line ends, so the framing cannot appear inside a chunk.
	return text.endsWith(`0${HEAD_END}`) ? text.slice(body) : undefined;
}

/** One keep-alive connection that makes one call after the other, on a raw socket to stay cheap. */
export function createHttpLoad(
	target: HttpTarget,
	sessionId: string | undefined,
	{ meter, nextId }: { meter: Meter; nextId: () => number },
): Load {
	let socket: Socket | undefined;
	let head = '';
	let id = 0;
	let sentAt = 0;
	let received = '';
	let stopped: (() => void) | undefined;
	const { failed, fail } = createFailure();

	function send(): void {
		id = nextId();
		const body = callText(id, target.era, target.call);
		head ||= callHead(target, sessionId, body.length);
		sentAt = performance.now();
		socket?.write(head + body, 'latin1');
	}

	function receive(chunk: Buffer): void {
		received += chunk.toString('latin1');
		const body = readBody(received);
		if (body === undefined) return;
		meter.record(performance.now() - sentAt);
		if (!isAnswerTo(id, body, target.call)) throw new Error(`wrong answer to ${id}: ${received.slice(0, 600)}`);
		received = '';
		if (stopped) {
			socket?.destroy();
			stopped();
		} else {
			send();
		}
	}

	return {
		failed,
		start() {
			socket = connect({ port: target.port, host: '127.0.0.1', noDelay: true }, send);
			socket.on('data', (chunk: Buffer) => {
				try {
					receive(chunk);
				} catch (error) {
					fail(error as Error);
					socket?.destroy();
				}
			});
			socket.on('error', fail);
			socket.on('close', () => {
				if (!stopped) fail(new Error('the connection was closed'));
			});
		},
		stop: () =>
			new Promise((resolve) => {
				stopped = resolve;
			}),
	};
}

/** Does the handshake of a legacy server; the session id, when it gives one. */
export async function openSession(target: HttpTarget): Promise<string | undefined> {
	if (target.era === 'modern') return undefined;
	const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } };
	const post = async (body: object, sessionId?: string | null) => {
		const lines = headLines(target, sessionId ?? undefined).slice(2);
		const headers = lines.map((line): [string, string] => [
			line.slice(0, line.indexOf(':')),
			line.slice(line.indexOf(':') + 2),
		]);
		const init = { method: 'POST', headers, body: JSON.stringify({ jsonrpc: '2.0', ...body }) };
		const response = await fetch(`http://127.0.0.1:${target.port}${target.path}`, init);
		const text = await response.text();
		if (!response.ok) throw new Error(`handshake: ${response.status} ${text.slice(0, 600)}`);
		return response.headers.get('mcp-session-id');
	};
	const sessionId = await post({ id: 1, method: 'initialize', params });
	await post({ method: 'notifications/initialized' }, sessionId);
	return sessionId ?? undefined;
}
