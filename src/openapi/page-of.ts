import { memberOf, sliceOf } from '../lib/json-text.ts';
import { textMember } from './text-member.ts';

/** What Open WebUI shows within a chat in place of a result: a page, or what is at an address. */
export type Page = { readonly kind: 'page'; readonly html: string } | { readonly kind: 'frame'; readonly url: string };

/** The page that a content block holds: an embedded resource of HTML, or one that names an address of the web. */
export function pageOf(block: string): Page | undefined {
	const resource = memberOf(block, 'resource');
	if (textMember(block, 'type') !== 'resource' || resource === undefined) return undefined;
	const inner = sliceOf(block, resource);
	const [type, text] = [
		textMember(inner, 'mimeType')?.split(';', 1)[0]?.trim().toLowerCase(),
		textMember(inner, 'text'),
	];
	if (text === undefined) return undefined;
	if (type === 'text/html') return { kind: 'page', html: text };
	const url = type === 'text/uri-list' ? addressIn(text) : undefined;
	return url === undefined ? undefined : { kind: 'frame', url };
}

// The first line that is no comment (RFC 2483 §5); written anew, so that it can be a header.
function addressIn(list: string): string | undefined {
	const line = list.split(/\r?\n/).find((each) => each.trim() !== '' && !each.startsWith('#'));
	const url = line === undefined || !URL.canParse(line.trim()) ? undefined : new URL(line.trim());
	return url?.protocol === 'https:' || url?.protocol === 'http:' ? url.href : undefined;
}

/**
 * Headers by which Open WebUI knows a page or an address to show. It frames them in a sandbox; so does a browser that
 * comes here by itself.
 */
export function pageHeaders(page: Page): Readonly<Record<string, string>> {
	const shown = { 'content-disposition': 'inline', 'x-content-type-options': 'nosniff' };
	if (page.kind === 'frame') return { ...shown, location: page.url };
	return { ...shown, 'content-type': 'text/html; charset=utf-8', 'content-security-policy': 'sandbox' };
}
