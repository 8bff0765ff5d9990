import { asObject, type JsonObject } from '../../mcp/call.ts';
import type { HttpReply } from '../http-exchange.ts';

/** Longest text of a service that is told. */
const MOST_CHARACTERS = 2_000;
const MOST_ITEMS = 20;

/**
 * What a service says of a call that failed, as a sentence for whoever called; `undefined` where its answer has none:
 * what mcpo calls `detail`, problem details (RFC 9457), the usual `error` and `message`, or plain text.
 */
export function failureSentence({ status, mediaType, body, headers }: Reply): string | undefined {
	const text = body
		.subarray(0, 4 * MOST_CHARACTERS)
		.toString('utf8')
		.trim();
	const said = /[/+]json$/.test(mediaType) ? wordsOf(parsed(body)) : mediaType === 'text/plain' ? text : '';
	const after = status === 429 && /^\d{1,6}$/.test(String(headers['retry-after'])) ? headers['retry-after'] : undefined;
	const wait = after === undefined ? '' : ` Wait ${String(after)} seconds before you try again.`;
	if (said === '') return status < 500 ? `The service answered HTTP ${status}.${wait}` : undefined;
	return `${said.slice(0, MOST_CHARACTERS)}${wait}`;
}

type Reply = Pick<HttpReply, 'status' | 'mediaType' | 'body' | 'headers'>;

function parsed(body: Buffer): unknown {
	try {
		return JSON.parse(body.toString('utf8'));
	} catch {
		return undefined;
	}
}

function wordsOf(value: unknown): string {
	if (typeof value === 'string') return value;
	const object = asObject(value);
	if (object === undefined) return '';
	const { detail, title, message, error, errors, error_description: description } = object;
	if (Array.isArray(detail)) return itemsOf(detail);
	const inner = asObject(detail) ?? asObject(error);
	if (inner !== undefined) return mcpoWords(inner);
	const words = [title, detail, message, description, error].filter((each) => typeof each === 'string' && each !== '');
	if (words.length > 0) return [...new Set(words)].join(': ');
	return Array.isArray(errors) ? itemsOf(errors) : '';
}

// mcpo 0.0.20 tells a tool's own error within a word about itself.
function mcpoWords({ message, error }: JsonObject): string {
	if (typeof message !== 'string') return typeof error === 'string' ? error : '';
	if (typeof error !== 'string') return message;
	const own = /^\d{3}: \{'message': (['"])(.*)\1\}$/s.exec(error)?.[2];
	return own ?? `${message}: ${error}`;
}

function itemsOf(items: readonly unknown[]): string {
	const told = items.slice(0, MOST_ITEMS).map((item) => itemWords(asObject(item) ?? { message: item }));
	return told.filter((each) => each !== '').join('; ');
}

function itemWords({ loc, msg, message, field, path }: JsonObject): string {
	const place = Array.isArray(loc) ? loc.filter((step) => step !== 'body').join('.') : (field ?? path);
	const said = msg ?? message;
	if (typeof said !== 'string') return '';
	return typeof place === 'string' && place !== '' ? `${place}: ${said}` : said;
}
