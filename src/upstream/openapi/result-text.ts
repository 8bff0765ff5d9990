import type { HttpReply } from '../http-exchange.ts';
import type { Operation } from './operation.ts';

/** The `CallToolResult` (mcp: server/tools) that a successful answer of a service comes to, as JSON text. */
export function resultText(reply: Pick<HttpReply, 'mediaType' | 'body'>, operation: Operation): string {
	const { mediaType, body } = reply;
	if (body.length === 0) return '{"content":[]}';
	const media = /^(image|audio)\//.exec(mediaType)?.[1];
	if (media !== undefined) return contentText(mediaBlock(media, mediaType, body.toString('base64')));
	if (mediaType !== '' && !isText(mediaType)) return contentText(fileBlock(operation.tool, mediaType, body));
	const text = body.toString('utf8');
	const isJson = mediaType === '' || /[/+]json$/.test(mediaType);
	if (operation.isMcpo) return contentText(mcpoBlock(text));
	const isObject = operation.hasOutputSchema && isJson && isJsonObject(text);
	return contentText(textBlock(text), isObject ? `,"structuredContent":${text}` : '');
}

/** A result that says that the call failed, with a sentence for whoever called. */
export function failureText(sentence: string): string {
	return `{"content":[${textBlock(sentence)}],"isError":true}`;
}

function contentText(block: string, more = ''): string {
	return `{"content":[${block}]${more}}`;
}

function textBlock(text: string): string {
	return `{"type":"text","text":${JSON.stringify(text)}}`;
}

function mediaBlock(type: string, mediaType: string, base64: string): string {
	return JSON.stringify({ type, data: base64, mimeType: mediaType });
}

function fileBlock(tool: string, mediaType: string, body: Buffer): string {
	const uri = `openapi:${encodeURIComponent(tool)}`;
	return JSON.stringify({ type: 'resource', resource: { uri, mimeType: mediaType, blob: body.toString('base64') } });
}

function isText(mediaType: string): boolean {
	return /^text\/|[/+](?:json|xml|yaml|x-www-form-urlencoded)$|^application\/(?:x-)?(?:ndjson|jsonlines|javascript)$/.test(
		mediaType,
	);
}

function isJsonObject(text: string): boolean {
	return /^\s*\{/.test(text) && parsed(text) !== undefined;
}

/** mcpo tells a text as a JSON text, and an image as the address of its own bytes. */
function mcpoBlock(text: string): string {
	const value = /^\s*"/.test(text) ? parsed(text) : undefined;
	if (typeof value !== 'string') return textBlock(text);
	const [, mediaType = '', media = '', base64] =
		/^data:((image|audio)\/[\w.+-]+);base64,([A-Za-z0-9+/=]*)$/.exec(value) ?? [];
	return base64 === undefined ? textBlock(value) : mediaBlock(media, mediaType, base64);
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
