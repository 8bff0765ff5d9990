import { readFileSync } from 'node:fs';
import { parseAuditRecord } from './audit-record.ts';
import type { RecordMark } from './file-record.ts';
import { headOf } from './record-line.ts';
import type { Shipped, SpoolFolder } from './spool-folder.ts';

const CLOSING_BRACE = 0x7d;

/** An intent that a former process left without an outcome. */
export interface Abandoned extends RecordMark {
	readonly kind: 'outcome';
	/** Where its intent stands. */
	readonly segment: number;
}

/** What to look through. */
export interface RecoveryParts {
	readonly folder: SpoolFolder;
	readonly left: ReadonlyMap<number, number>;
	readonly shipped: Shipped | undefined;
}

/**
 * Finds the intents without an outcome in what a former process left, in the order they were written. Nothing is
 * written: a process that dies on the way has spoilt nothing.
 */
export function recoverSpool({ folder, left, shipped }: RecoveryParts): readonly Abandoned[] {
	const known = new Set(shipped?.open);
	const open = new Map<string, Found>();
	for (const segment of left.keys()) {
		// The outcomes of shipped intents may be gone with their segments; the memory of shipping says which are open.
		const isShipped = segment < (shipped?.segment ?? 0);
		for (const line of wholeLines(readFileSync(folder.pathOf(segment)))) {
			const head = headOf(line);
			if (head?.kind === 'outcome') open.delete(head.request);
			if (head?.kind !== 'intent' || (isShipped && !known.has(head.request))) continue;
			open.set(head.request, { line, segment });
		}
	}
	return [...open.values()].flatMap(abandonedBy);
}

interface Found {
	readonly line: string;
	readonly segment: number;
}

// A line without its end was never acknowledged, even where only the line break is missing; nor is it read as an
// outcome where a full disk left it between others.
function* wholeLines(bytes: Buffer): Generator<string> {
	let from = 0;
	for (let to = bytes.indexOf(10); to !== -1; to = bytes.indexOf(10, from)) {
		if (bytes[to - 1] === CLOSING_BRACE) yield bytes.toString('utf8', from, to);
		from = to + 1;
	}
}

function abandonedBy({ line, segment }: Found): readonly Abandoned[] {
	const record = parseAuditRecord(line);
	if (record === undefined) return [];
	const { request: requestId, workspace, workspaceId, server, tool } = record;
	const subject = {
		...(workspace && { workspace }),
		...(workspaceId && { workspaceId }),
		...(server && { server }),
		...(tool && { tool }),
	};
	return [{ kind: 'outcome', requestId, subject, segment }];
}
