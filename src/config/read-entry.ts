import type * as z from 'zod';
import { isRecord } from './cross-faults.ts';
import type { Fault } from './faults.ts';
import { issueSentence, placedFaults } from './issue-faults.ts';
import { type Path, pathText } from './read-yaml.ts';

/** One thing wrong with an entry, such as `tools.rules.read.minimumLevel`. Never holds a value of it. */
export type EntryFault = Pick<Fault, 'path' | 'message'>;

/** An entry as the schema understands it, or everything that is wrong with it. */
export type EntryReading<Entry> = { readonly entry: Entry } | { readonly faults: readonly EntryFault[] };

/**
 * Reads one part of a configuration on its own, such as a server (`serverSchema`) or a workspace (`workspaceSchema`): the
 * same rules and sentences as for the file it could stand in.
 */
export function readEntry<Schema extends z.ZodType>(schema: Schema, value: unknown): EntryReading<z.output<Schema>> {
	const parsed = schema.safeParse(value, { error: issueSentence });
	const found = [...hiddenKeys(value, []), ...(parsed.error?.issues ?? []).flatMap(placedFaults)];
	if (parsed.success && found.length === 0) return { entry: parsed.data };
	return { faults: found.map(({ path, message }) => ({ path: pathText(path), message })) };
}

// The schema skips this key silently, so it would be the one unknown key that is not refused.
function hiddenKeys(value: unknown, path: Path): readonly { readonly path: Path; readonly message: string }[] {
	if (Array.isArray(value)) return value.flatMap((item, index) => hiddenKeys(item, [...path, index]));
	if (!isRecord(value)) return [];
	return Object.entries(value).flatMap(([key, held]) => {
		if (key === '__proto__') return [{ path: [...path, key], message: 'this key is not allowed' }];
		return hiddenKeys(held, [...path, key]);
	});
}
