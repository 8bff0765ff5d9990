import { PortcullisError } from '../../errors/portcullis-error.ts';
import { type ExactJson, type ExactObject, isExactObject, parseExact } from '../../lib/json-exact.ts';
import { skipString } from '../../lib/json-text.ts';
import { yamlToJson } from './yaml-to-json.ts';

/** Longest document that is read, and longest one in YAML, which is slow to read. */
export const MOST_BYTES = 8 * 1024 * 1024;
const MOST_YAML_CHARACTERS = 4 * 1024 * 1024;
const YAML_MS = 20_000;

/** Nesting of a document that is read; what people write has about 20. */
const MOST_DEPTH = 64;

/** An OpenAPI 3.0 or 3.1 document, as JSON or YAML. Rejects with PC_UPSTREAM_INVALID and a reason for the log. */
export async function readDocument(text: string): Promise<ExactObject> {
	const document = readJson(/^\s*\{/.test(text) ? text : await asJson(text));
	if (!isExactObject(document)) throw invalid('the document is no object');
	const version = document.get('openapi');
	if (typeof version !== 'string' || !version.startsWith('3.')) throw invalid('no OpenAPI 3.0 or 3.1 document');
	if (!isExactObject(document.get('paths'))) throw invalid('the document has no paths');
	return document;
}

/** What is wrong with a document, for the log. */
export function invalid(detail: string): PortcullisError {
	return new PortcullisError('PC_UPSTREAM_INVALID', { detail });
}

function readJson(text: string): ExactJson {
	if (text.length > MOST_BYTES) throw invalid('the document is too large');
	if (isTooDeep(text)) throw invalid('the document is nested too deeply');
	try {
		JSON.parse(text);
	} catch {
		throw invalid('the document is neither JSON nor YAML');
	}
	return parseExact(text);
}

const QUOTE = 34;

function isTooDeep(text: string): boolean {
	let depth = 0;
	for (let index = 0; index < text.length; index++) {
		const code = text.charCodeAt(index);
		if (code === QUOTE) index = skipString(text, index) - 1;
		else if ((code === 123 || code === 91) && ++depth > MOST_DEPTH) return true;
		else if (code === 125 || code === 93) depth--;
	}
	return false;
}

function asJson(text: string): Promise<string> {
	if (text.length > MOST_YAML_CHARACTERS) throw invalid('the document is too large for YAML; serve it as JSON');
	// A page for people, which a service shows where it has no document.
	if (/^\s*</.test(text)) throw invalid('the document is neither JSON nor YAML');
	return yamlToJson(text, YAML_MS).catch(() => {
		throw invalid('the document is neither JSON nor YAML, or takes too long to read');
	});
}
