import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type CatalogueEntry, ENTRY } from './entry-schema.ts';

/** The services that the gateway knows. Nothing is read before it is asked for. */
export interface Catalogue {
	/** All of them, by id. */
	all(): readonly CatalogueEntry[];
	/** The one with this id, read from its own file alone; `undefined` when there is none. */
	entry(id: string): CatalogueEntry | undefined;
}

const ID = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** The catalogue in a folder of files, by default the one that comes with the gateway. What was read is kept. */
export function createCatalogue(folder: string = path.join(import.meta.dirname, 'entries')): Catalogue {
	const read = new Map<string, CatalogueEntry | undefined>();
	let everything: readonly CatalogueEntry[] | undefined;
	const entry = (id: string): CatalogueEntry | undefined => {
		if (!read.has(id) && ID.test(id)) read.set(id, readEntry(folder, id));
		return read.get(id);
	};
	const all = (): readonly CatalogueEntry[] => {
		everything ??= idsIn(folder).flatMap((id) => entry(id) ?? []);
		return everything;
	};
	return { all, entry };
}

/** Ids of all files of a folder, in their order. */
function idsIn(folder: string): readonly string[] {
	const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
	return names.map((name) => name.slice(0, -'.json'.length)).sort();
}

function readEntry(folder: string, id: string): CatalogueEntry | undefined {
	const text = readIfThere(path.join(folder, `${id}.json`));
	return text === undefined ? undefined : ENTRY.parse(JSON.parse(text));
}

function readIfThere(file: string): string | undefined {
	try {
		return readFileSync(file, 'utf8');
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		throw error;
	}
}
