import { request as httpRequest, type IncomingMessage } from 'node:http';

/** Plain HTTP with nothing taken away: what a caller was delivered, byte for byte. */

/** What came back; `cut` when the connection died before the end of the body. */
export interface Delivery {
	readonly status: number;
	/** Name and value as they were sent, in order. */
	readonly headers: readonly (readonly [string, string])[];
	readonly body: string;
	readonly cut: boolean;
}

/** One request. */
export interface Sending {
	readonly method?: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string | undefined;
	/** Told of the body so far, whenever there is more. */
	readonly onText?: (textSoFar: string) => void;
	/** Told when the head has come. */
	readonly onHead?: () => void;
	/** Hangs up when the head has come: for streams that never end. */
	readonly headOnly?: boolean;
}

/** Sends one request and takes all there is. */
export function deliver(url: string, { method = 'POST', headers = {}, body, ...how }: Sending = {}): Promise<Delivery> {
	return new Promise((resolve, reject) => {
		const request = httpRequest(url, { method, headers }, (response) => {
			if (how.headOnly) {
				resolve(deliveryOf(response, '', true));
				request.destroy();
				return;
			}
			how.onHead?.();
			let text = '';
			response.setEncoding('utf8').on('data', (chunk: string) => {
				text += chunk;
				how.onText?.(text);
			});
			response.on('close', () => resolve(deliveryOf(response, text, !response.complete)));
		});
		request.on('error', reject);
		request.end(body);
	});
}

/** Sends one request and hangs up once `isEnough` of what has come; that is first asked with the head alone. */
export function leaveAfter(
	url: string,
	{ method = 'POST', headers = {}, body }: Pick<Sending, 'method' | 'headers' | 'body'>,
	isEnough: (textSoFar: string) => boolean | Promise<boolean>,
): Promise<Delivery> {
	return new Promise((resolve, reject) => {
		const request = httpRequest(url, { method, headers }, (response) => {
			let text = '';
			const look = async (): Promise<void> => {
				if (await isEnough(text)) request.destroy();
			};
			response.setEncoding('utf8').on('data', (chunk: string) => {
				text += chunk;
				void look();
			});
			response.on('error', () => undefined);
			response.on('close', () => resolve(deliveryOf(response, text, !response.complete)));
			void look();
		});
		request.on('error', reject);
		request.end(body);
	});
}

function deliveryOf(response: IncomingMessage, body: string, cut: boolean): Delivery {
	const raw = response.rawHeaders;
	const headers = raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1]!] as const] : []));
	return { status: response.statusCode ?? 0, headers, body, cut };
}

/** Value of a header. */
export function headerOf({ headers }: Delivery, name: string): string | undefined {
	return headers.find(([each]) => each.toLowerCase() === name)?.[1];
}

/** Everything that was delivered, as one text. */
export function bytesOf({ status, headers, body }: Delivery): string {
	return [`HTTP ${status}`, ...headers.map((header) => header.join(': ')), '', body].join('\n');
}

const OWN_TO_ONE_REQUEST = new Set(['date', 'x-request-id']);

/** The same without what tells one request from the next: date and request id. */
export function faceOf(delivery: Delivery): string {
	const headers = delivery.headers.filter(([name]) => !OWN_TO_ONE_REQUEST.has(name.toLowerCase()));
	const requestId = headerOf(delivery, 'x-request-id') ?? 'none';
	return bytesOf({ ...delivery, headers, body: delivery.body.replaceAll(requestId, '<request id>') });
}

/** A JSON-RPC message of any kind. */
export interface Message {
	readonly id?: string | number | null;
	readonly method?: string;
	// biome-ignore lint/suspicious/noExplicitAny: tests look into messages of any shape.
	readonly params?: any;
	// biome-ignore lint/suspicious/noExplicitAny: the same.
	readonly result?: any;
	readonly error?: { readonly code: number; readonly message: string; readonly data?: { readonly code?: string } };
}

/** Every JSON-RPC message of a body, whether it is JSON, a batch or an event stream. */
export function messagesIn(body: string): readonly Message[] {
	const events = body.split('\n').filter((line) => line.startsWith('data: ') && line.length > 6);
	const texts = events.length > 0 ? events.map((line) => line.slice(6)) : [body];
	return texts.flatMap((text) => parse(text));
}

function parse(text: string): readonly Message[] {
	try {
		const value = JSON.parse(text) as Message | Message[];
		return Array.isArray(value) ? value : [value];
	} catch {
		return [];
	}
}

/** The response among the messages of a body: its last one. */
export function responseIn({ body }: Delivery): Message {
	return messagesIn(body).findLast(({ method }) => method === undefined) ?? {};
}

/** The gateway's own error code in a response, or `undefined` when it carries none. */
export function refusalIn(delivery: Delivery): string | undefined {
	return responseIn(delivery).error?.data?.code;
}
