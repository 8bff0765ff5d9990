import type { CallTemplate } from '../lib/secret.ts';
import { readCallTemplate, type SecretLookup, type TemplateReading } from './secret-template.ts';

/** What a map of names and templates, such as `headers` or `env`, may hold. */
export interface TemplateRules {
	/** One spelling for names that mean the same. */
	readonly spelling: (name: string) => string;
	readonly nameFault: (name: string) => string | undefined;
	/** Judges the value with its secrets in place; the sentence must not quote it. */
	readonly valueFault: (rendered: string) => string | undefined;
	/** Whether the value must hold a reference, because the name says that it is a secret. */
	readonly mustRefer: (name: string) => boolean;
}

/** Tells a fault of one entry: at its `key` when the name is wrong. */
export type EntryReport = (name: string, message: string, at: 'key' | 'value') => void;

/** Reads all entries and tells every fault of each. */
export function readTemplates(
	entries: Readonly<Record<string, unknown>>,
	rules: TemplateRules,
	lookup: SecretLookup,
	report: EntryReport,
): ReadonlyMap<string, CallTemplate> {
	const templates = new Map<string, CallTemplate>();
	for (const [name, value] of Object.entries(entries)) {
		const spelling = rules.spelling(name);
		const nameFault = templates.has(spelling) ? 'this name is given twice' : rules.nameFault(name);
		if (nameFault !== undefined) report(name, nameFault, 'key');
		const reading = typeof value === 'string' ? readCallTemplate(value, lookup) : NOT_TEXT;
		for (const fault of valueFaults(name, reading, rules)) report(name, fault, 'value');
		templates.set(spelling, reading.template);
	}
	return templates;
}

const NOT_TEXT: TemplateReading<CallTemplate> = {
	template: [],
	rendered: '',
	faults: ['expected text; put quotes around it'],
};

function valueFaults(
	name: string,
	{ template, rendered, faults }: TemplateReading<CallTemplate>,
	rules: TemplateRules,
): readonly string[] {
	if (faults.length > 0) return faults;
	if (rules.mustRefer(name) && template.every((part) => typeof part === 'string')) {
		return ['put the secret into ${secret:NAME}, ${env:NAME} or ${file:path}'];
	}
	return [rules.valueFault(rendered)].filter((fault) => fault !== undefined);
}
