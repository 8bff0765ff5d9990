import type { TemplateRules } from './read-templates.ts';
import { looksSecret } from './text-rules.ts';

/** Names the gateway writes itself on the way to a server, or that belong to one connection. */
const OWNED = new Set([
	'accept',
	'accept-encoding',
	'connection',
	'content-encoding',
	'content-length',
	'content-type',
	'expect',
	'host',
	'keep-alive',
	'last-event-id',
	'proxy-connection',
	'te',
	'trailer',
	'transfer-encoding',
	'upgrade',
]);

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** What `headers` of a server may hold. */
export const HEADER_RULES: TemplateRules = {
	spelling: (name) => name.toLowerCase(),
	nameFault(name) {
		if (!TOKEN.test(name)) return 'this is not a header name';
		const lower = name.toLowerCase();
		return OWNED.has(lower) || lower.startsWith('mcp-') ? 'the gateway sets this header itself' : undefined;
	},
	// A line break would start a header of its own; beyond Latin-1 a header has no bytes.
	valueFault: (rendered) =>
		/[^\x20-\x7e\x80-\xff]/.test(rendered)
			? 'a header value must not hold line breaks or control characters'
			: undefined,
	mustRefer: looksSecret,
};
