import { editObject, elementsOf, memberOf, membersOf, objectText, skipSpace, sliceOf } from '../lib/json-text.ts';
import { META } from './modern/envelope.ts';
import type { Era } from './revisions.ts';

/** Who answers and who asked. */
export interface Crossing {
	readonly from: Era;
	readonly to: Era;
}

const CACHEABLE = /^(?:server\/discover|(?:tools|prompts|resources|resources\/templates)\/list|resources\/read)$/;

/**
 * A result in the words of the caller's era, as text; everything the other era has no word for stays as it is.
 * `cacheScope` is always private: what the gateway hands out was chosen for one caller.
 */
export function projectResult(resultText: string, method: string, crossing: Crossing): string {
	if (crossing.to === 'modern') return toModern(resultText, method);
	return crossing.from === 'modern' ? toLegacy(resultText, method) : resultText;
}

function toModern(text: string, method: string): string {
	const keys = new Set(membersOf(text).map((member) => member.key));
	return editObject(text, {
		...(!keys.has('resultType') && { resultType: '"complete"' }),
		...(CACHEABLE.test(method) && { ttlMs: '0', cacheScope: '"private"' }),
	});
}

function toLegacy(text: string, method: string): string {
	const plain = editObject(text, { resultType: undefined, ttlMs: undefined, cacheScope: undefined });
	return method === 'tools/call' ? withLegacyContent(plain) : plain;
}

// Until 2025-11-25 `structuredContent` is an object, and clients that do not know it need the same as text.
function withLegacyContent(text: string): string {
	const structured = memberOf(text, 'structuredContent');
	if (structured === undefined) return text;
	const value = sliceOf(text, structured);
	const content = memberOf(text, 'content');
	const hasText =
		content !== undefined && elementsOf(text, content.start).some((span) => isTextBlock(text, span.start));
	return editObject(text, {
		...(!value.startsWith('{') && { structuredContent: objectText({ result: value }) }),
		...(!hasText && { content: withTextBlock(content && sliceOf(text, content), value) }),
	});
}

function isTextBlock(text: string, at: number): boolean {
	const type = memberOf(text, 'type', at);
	return type !== undefined && sliceOf(text, type) === '"text"';
}

function withTextBlock(content: string | undefined, value: string): string {
	const block = objectText({ type: '"text"', text: JSON.stringify(value) });
	const blocks = elementsOf(content ?? '[]').map((span) => sliceOf(content ?? '[]', span));
	return `[${[...blocks, block].join(',')}]`;
}

/** A tool definition in the words of the caller's era. */
export function projectTool(text: string, crossing: Crossing): string {
	if (crossing.from === crossing.to) return text;
	if (crossing.to === 'modern') return withoutTaskSupport(text);
	const schema = memberOf(text, 'outputSchema');
	if (schema === undefined || isObjectSchema(text, schema.start)) return text;
	const wrapped = objectText({
		type: '"object"',
		properties: objectText({ result: sliceOf(text, schema) }),
		required: '["result"]',
	});
	return editObject(text, { outputSchema: wrapped });
}

function withoutTaskSupport(text: string): string {
	const execution = memberOf(text, 'execution');
	if (execution === undefined || text[skipSpace(text, execution.start)] !== '{') return text;
	return editObject(text, { execution: editObject(sliceOf(text, execution), { taskSupport: undefined }) });
}

function isObjectSchema(text: string, at: number): boolean {
	const type = memberOf(text, 'type', at);
	return type !== undefined && sliceOf(text, type) === '"object"';
}

/** `_meta` members of the per-request envelope; they belong to one hop and are made anew on the next. */
const HOP_META: readonly string[] = [
	META.protocolVersion,
	META.clientCapabilities,
	META.clientInfo,
	META.logLevel,
	'progressToken',
];

/** The caller's own `_meta` without the members of the hop, as JSON text values by key. */
export function carriedMeta(paramsText: string): Record<string, string> {
	const meta = memberOf(paramsText, '_meta');
	if (meta === undefined) return {};
	const members = membersOf(paramsText, meta.start).filter((member) => !HOP_META.includes(member.key));
	return Object.fromEntries(members.map((member) => [member.key, sliceOf(paramsText, member)]));
}
