import {
	type Alias,
	type Document,
	isAlias,
	isMap,
	isScalar,
	isSeq,
	LineCounter,
	parseDocument,
	visit,
	type YAMLError,
} from 'yaml';
import type { Fault } from './faults.ts';

/** Keys and list indexes from the top of the file. */
export type Path = readonly PropertyKey[];

/** A YAML file as plain values that still knows where each of them stands. */
export interface YamlFile {
	/** `undefined` when the text is too broken to have a value. */
	readonly value: unknown;
	readonly faults: readonly Fault[];
	/** A fault at the value of a path, or at its key; where a path leads nowhere, at the nearest key above. */
	fault(path: Path, message: string, at: 'key' | 'value'): Fault;
}

type Content = Document['contents'];

interface Found {
	readonly key: number;
	readonly value: number;
	readonly node: Content;
}

/** More aliases, written or multiplied, are taken for an attempt to blow the file up. */
const MOST_ALIASES = 100;

/**
 * Our own sentences: the parser's quote the text around an error, and that text may be a secret. Other codes speak
 * for themselves.
 */
const SENTENCES: Partial<Record<YAMLError['code'], string>> = {
	BAD_INDENT: 'not valid YAML: the indentation is wrong, or a bracket is not closed',
	DUPLICATE_KEY: 'this key is given twice',
	MULTIPLE_DOCS: 'the file holds more than one YAML document',
	NON_STRING_KEY: 'keys must be text',
	RESOURCE_EXHAUSTION: 'the YAML is nested too deeply',
	TAB_AS_INDENT: 'YAML is indented with spaces, not tabs',
	TAG_RESOLVE_FAILED: 'YAML tags are not supported here',
};

/** Reads one YAML document with text keys; never throws, whatever the text. */
export function readYaml(text: string): YamlFile {
	const lines = new LineCounter();
	const document = parseDocument(text, {
		lineCounter: lines,
		prettyErrors: false,
		stringKeys: true,
		resolveKnownTags: false,
	});
	const faultAt = (offset: number, path: Path, message: string): Fault => {
		const { line, col } = lines.linePos(offset);
		return { line: Math.max(line, 1), column: Math.max(col, 1), path: pathText(path), message };
	};
	const problems = [...document.errors, ...document.warnings];
	const faults = problems.map(({ code, pos }) => faultAt(pos[0], [], SENTENCES[code] ?? unnamedSentence(code)));
	// A key given twice leaves the rest readable, so its faults can be told in the same run.
	const readable = problems.every(({ code }) => code === 'DUPLICATE_KEY');
	const value = readable
		? plainValue(document, (offset, message) => faults.push(faultAt(offset, [], message)))
		: undefined;
	return {
		value,
		faults,
		fault: (path, message, at) => faultAt(locate(document, path)[at], path, message),
	};
}

function unnamedSentence(code: string): string {
	return `not valid YAML (${code.toLowerCase().replaceAll('_', ' ')})`;
}

const TOO_MUCH = 'the YAML is nested too deeply or repeats too many aliases';

/** The plain value, or `undefined` after a fault has been reported. */
function plainValue(document: Document.Parsed, report: (offset: number, message: string) => void): unknown {
	try {
		const aliases: Alias[] = [];
		visit(document, {
			Alias: (_, alias) => void aliases.push(alias),
			// The schema skips this key silently, so it would be the one unknown key that is not refused.
			Pair: (_, { key }) => {
				if (isScalar(key) && key.value === '__proto__') report(key.range?.[0] ?? 0, 'this key is not allowed');
			},
		});
		// Looking one up costs time in proportion to the file, so their number is judged first.
		if (aliases.length > MOST_ALIASES) throw new RangeError(TOO_MUCH);
		const lost = aliases.filter((alias) => alias.resolve(document) === undefined);
		for (const alias of lost) report(alias.range?.[0] ?? 0, 'this alias has no anchor above it');
		return lost.length > 0 ? undefined : document.toJS({ maxAliasCount: MOST_ALIASES });
	} catch {
		report(0, TOO_MUCH);
		return undefined;
	}
}

function locate(document: Document.Parsed, path: Path): Found {
	const start = document.contents?.range?.[0] ?? 0;
	let found: Found = { key: start, value: start, node: document.contents };
	for (const step of path) {
		const next = child(isAlias(found.node) ? (found.node.resolve(document) ?? null) : found.node, step);
		if (next === undefined) return { ...found, value: found.key };
		found = next;
	}
	return found;
}

function child(node: Content, step: PropertyKey): Found | undefined {
	if (isSeq(node)) {
		const item = node.items[Number(step)] as Content | undefined;
		const start = item?.range?.[0];
		return item && start !== undefined && start !== null ? { key: start, value: start, node: item } : undefined;
	}
	if (!isMap(node)) return undefined;
	const pair = node.items.findLast(({ key }) => isScalar(key) && key.value === String(step));
	const key = isScalar(pair?.key) ? (pair.key.range?.[0] ?? 0) : 0;
	const value = pair?.value as Content | undefined;
	return pair && { key, value: value?.range?.[0] ?? key, node: value ?? null };
}

/**
 * A path as people write it. Names that do not look like names are left out: a value that was put where a name belongs
 * may be a secret.
 */
export function pathText(path: Path): string {
	const steps = path.map((step) => {
		if (typeof step === 'number') return `[${step}]`;
		return /^[\w.*/@-]{1,64}$/.test(String(step)) ? `.${String(step)}` : '.[…]';
	});
	return steps.join('').replace(/^\./, '');
}
