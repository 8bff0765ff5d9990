import { elementsOf, memberOf, membersOf, type Span, sliceOf } from '../lib/json-text.ts';
import { type Page, pageOf } from './page-of.ts';
import { textMember } from './text-member.ts';

/** How results are shown where mcpo and the better way differ. */
export interface ResultMode {
	/** As mcpo 0.0.20: audio and links vanish, embedded resources are "not supported", structured content is not looked at. */
	readonly isStrict: boolean;
	/** Whether a page that is the whole answer is shown as one. */
	readonly showsPages: boolean;
}

/** What a tool's result comes to. */
export type ResultBody =
	| Page
	/** JSON text. */
	| { readonly kind: 'value'; readonly text: string }
	/** The tool says that it failed; for people and models. */
	| { readonly kind: 'failure'; readonly message: string };

/** Python reads these as numbers, JSON has no word for them. */
const NO_NUMBERS: ReadonlySet<string> = new Set(['NaN', 'Infinity', '-Infinity']);

/**
 * The body of a tool's answer, made of the text of its `CallToolResult` (mcp: server/tools): one content block by itself,
 * several as a list; text that is JSON as what it says, with every digit as the server wrote it.
 */
export function resultBody(result: string, mode: ResultMode): ResultBody {
	const members = new Map(membersOf(result).map((member) => [member.key, member]));
	const content = members.get('content');
	const blocks = content === undefined ? [] : elementsOf(result, content.start).map((span) => sliceOf(result, span));
	const failed = members.get('isError');
	if (failed !== undefined && sliceOf(result, failed) === 'true') return failureOf(blocks, mode);
	const [only, ...more] = blocks;
	const page = mode.showsPages && only !== undefined && more.length === 0 ? pageOf(only) : undefined;
	return page ?? plainBody(blocks, members.get('structuredContent'), { result, mode });
}

interface Shown {
	readonly result: string;
	readonly mode: ResultMode;
}

function plainBody(blocks: readonly string[], structured: Span | undefined, { result, mode }: Shown): ResultBody {
	const shown = blocks.flatMap((block) => showBlock(block, mode));
	if (shown.length === 0 && structured !== undefined && !mode.isStrict) {
		return { kind: 'value', text: sliceOf(result, structured) };
	}
	const [only, ...more] = shown;
	return { kind: 'value', text: only !== undefined && more.length === 0 ? only : `[${shown.join(',')}]` };
}

// mcpo tells the first text alone; the rest of what a server says is as useful to a model.
function failureOf(blocks: readonly string[], { isStrict }: ResultMode): ResultBody {
	const texts = blocks.flatMap((block) =>
		textMember(block, 'type') === 'text' ? (textMember(block, 'text') ?? []) : [],
	);
	const told = isStrict ? texts[0] : texts.join('\n');
	return { kind: 'failure', message: told || 'Unknown tool execution error' };
}

function showBlock(block: string, { isStrict }: ResultMode): readonly string[] {
	switch (textMember(block, 'type')) {
		case 'text':
			return [showText(textMember(block, 'text') ?? '')];
		case 'image':
			return [dataUri(block, 'data')];
		case 'audio':
			return isStrict ? [] : [dataUri(block, 'data')];
		case 'resource_link':
			return isStrict ? [] : [block];
		case 'resource':
			return [isStrict ? JSON.stringify('Embedded resource not supported yet.') : showResource(block)];
		default:
			return isStrict ? [] : [block];
	}
}

function showText(text: string): string {
	const trimmed = text.trim();
	if (NO_NUMBERS.has(trimmed)) return JSON.stringify(trimmed);
	return isJson(trimmed) ? trimmed : JSON.stringify(text);
}

function isJson(text: string): boolean {
	try {
		JSON.parse(text);
		return true;
	} catch {
		return false;
	}
}

function showResource(block: string): string {
	const resource = memberOf(block, 'resource');
	const inner = resource === undefined ? '{}' : sliceOf(block, resource);
	const text = textMember(inner, 'text');
	return text === undefined ? dataUri(inner, 'blob') : showText(text);
}

function dataUri(block: string, member: string): string {
	return JSON.stringify(
		`data:${textMember(block, 'mimeType') ?? 'application/octet-stream'};base64,${textMember(block, member) ?? ''}`,
	);
}
