import * as z from 'zod';
import { type CallTemplate, isNamed } from '../lib/secret.ts';
import { createLenientLookup, readCallTemplate } from './secret-template.ts';
import { urlFault } from './text-rules.ts';

/** The address of a server. */
export interface ReadUrl {
	/** With a word in place of each named secret: what it is like, not where it leads. */
	readonly url: string;
	/** How it is made for a call; `undefined` where it is the same for all. */
	readonly template: CallTemplate | undefined;
}

const OWN_ONLY =
	'an address takes ${secret:NAME} and no other reference; put ${env:NAME} and ${file:path} into headers';
const HOST =
	'a named secret may be the first part of a host alone, with a domain such as .example.com written out behind it';

/** An address in which `${secret:NAME}` may stand: in path and query, or as the beginning of the host. */
export function urlTemplate() {
	return z.string().transform((written, context): ReadUrl => {
		const { template, rendered, faults } = readCallTemplate(written, createLenientLookup());
		const fault = faults[0] ?? foreignFault(template) ?? hostFault(template) ?? urlFault(rendered);
		if (fault !== undefined) context.addIssue(fault);
		return { url: rendered, template: template.some(isNamed) ? template : undefined };
	});
}

function foreignFault(template: CallTemplate): string | undefined {
	return template.some((part) => typeof part !== 'string' && !isNamed(part)) ? OWN_ONLY : undefined;
}

// Whoever enters the value would choose whom the secrets go to, were the domain not written out.
function hostFault(template: CallTemplate): string | undefined {
	const marked = template.map((part) => (typeof part === 'string' ? part : MARK)).join('');
	const authority = /^[^/?#]*:\/\/([^/?#\\]*)/.exec(marked)?.[1];
	if (authority === undefined) return marked.startsWith(MARK) || template.some(isNamed) ? HOST : undefined;
	if (!authority.includes(MARK)) return undefined;
	return /^[^.:@]*\.[^.:@\0]+(\.[^.:@\0]+)+(:\d+)?$/.test(authority.slice(authority.lastIndexOf(MARK)))
		? undefined
		: HOST;
}

// Never part of a text: NUL is refused everywhere.
const MARK = '\0';
