import { nearestName } from '../lib/nearest-name.ts';
import type { CatalogueEntry } from './entry-schema.ts';
import { findEntry } from './find-entry.ts';

/** Services that fit all words, the best first; where none does, those that fit most of them. Typing errors are forgiven. */
export function searchEntries(entries: readonly CatalogueEntry[], text: string): readonly CatalogueEntry[] {
	const words = wordsOf(text);
	const named = namedBy(entries, text);
	const ranked = entries
		.map((entry) => (named.includes(entry) ? { entry, fitting: words.length, score: Infinity } : rank(entry, words)))
		.filter(({ fitting }) => fitting > 0)
		.sort(
			(a, b) => b.fitting - a.fitting || difference(b.score, a.score) || a.entry.name.localeCompare(b.entry.name, 'en'),
		);
	const most = ranked[0]?.fitting ?? 0;
	return ranked.filter(({ fitting }) => fitting === most).map(({ entry }) => entry);
}

// Infinity less Infinity would be no number.
const difference = (one: number, other: number): number => (one === other ? 0 : one - other);

interface Ranked {
	readonly entry: CatalogueEntry;
	readonly fitting: number;
	readonly score: number;
}

function rank(entry: CatalogueEntry, words: readonly string[]): Ranked {
	const fields = fieldsOf(entry);
	const scores = words.map((word) => Math.max(...fields.map((field) => scoreIn(field, word))));
	const fitting = scores.filter((score) => score > 0).length;
	return { entry, fitting, score: scores.reduce((sum, score) => sum + score, 0) };
}

/** What the whole text names, as an id, another name, an address, a package or a vendor. */
function namedBy(entries: readonly CatalogueEntry[], text: string): readonly CatalogueEntry[] {
	const found = findEntry(entries, text);
	return found.kind === 'entry' ? [found.entry] : found.kind === 'several' ? found.entries : [];
}

/** Part of a service that is searched. `forgiving`: a near miss counts too. */
interface Field {
	readonly weight: number;
	readonly forgiving: boolean;
	readonly words: readonly string[];
}

function fieldsOf(entry: CatalogueEntry): readonly Field[] {
	const packages = entry.endpoints.flatMap((each) => (each.transport === 'stdio' ? (each.package ?? []) : each.url));
	const aliases = (entry.aliases ?? []).map(({ name }) => name);
	return [
		{ weight: 100, forgiving: true, words: wordsOf(`${entry.id} ${entry.name}`) },
		{ weight: 60, forgiving: true, words: wordsOf(aliases.join(' ')) },
		{ weight: 40, forgiving: true, words: wordsOf(entry.vendor) },
		{ weight: 35, forgiving: true, words: wordsOf(entry.category) },
		{ weight: 15, forgiving: false, words: wordsOf(entry.description) },
		{ weight: 10, forgiving: false, words: wordsOf(packages.join(' ')).filter((word) => !EVERYWHERE.has(word)) },
	];
}

/** Words of addresses and packages that say nothing. */
const EVERYWHERE = new Set(['https', 'mcp', 'server', 'com', 'api', 'www', 'io', 'modelcontextprotocol', 'v1', 'v2']);

function scoreIn({ weight, forgiving, words }: Field, word: string): number {
	if (words.includes(word)) return weight;
	if (word.length >= 2 && words.some((each) => each.startsWith(word))) return weight * 0.7;
	if (word.length >= 3 && words.some((each) => each.includes(word))) return weight * 0.4;
	const long = words.filter((each) => each.length >= 4);
	return forgiving && word.length >= 4 && nearestName(word, long) !== undefined ? weight * 0.2 : 0;
}

function wordsOf(text: string): readonly string[] {
	return text
		.toLowerCase()
		.split(/[^a-z0-9]+/)
		.filter((word) => word !== '');
}
