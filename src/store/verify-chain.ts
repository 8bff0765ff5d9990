import { chainHash, columnText, GENESIS } from './queries/audit-chain.ts';
import { type ChainLink, chainHead, readChain } from './queries/audit-event.ts';
import type { PlatformTx, WorkspaceTx } from './tx.ts';

/** What a chain, or a part of it, turned out to be. */
export type ChainVerdict = IntactChain | BrokenChain;

/** Every record that was looked at is as it was written. */
export interface IntactChain {
	readonly intact: true;
	/** How many were looked at. */
	readonly records: number;
	/** Place of the last one; `0` where there is none. */
	readonly seq: string;
	/** Hash of the last one, hex: keep it elsewhere. */
	readonly head: string;
	/** Whether that is the end of the chain as it was when the looking began. */
	readonly complete: boolean;
}

/** A record is not as it was written. */
export interface BrokenChain {
	readonly intact: false;
	/** How many were found to be right before it. */
	readonly records: number;
	/** First place that is wrong. */
	readonly seq: string;
	readonly fault: ChainFault;
}

/**
 * How a chain is broken: a record changed, or missing, or found by something it does not say; the end cut off, or records
 * put behind it.
 */
export type ChainFault = 'changed' | 'missing' | 'columns-differ' | 'end-missing' | 'beyond-end';

/** A record by which a chain can be followed further. */
export interface ChainPlace {
	readonly seq: string;
	readonly hash: Buffer;
}

/** Which part of a chain is looked at. */
export interface ChainPart {
	/** The record before the first one of the part, as an earlier part ended; the beginning unless told. */
	readonly after?: ChainPlace | undefined;
	/** How many records at most; all unless told. */
	readonly most?: number | undefined;
	/** Gives up between two readings. */
	readonly signal?: AbortSignal | undefined;
}

/** Few enough that whoever else waits for this process does not notice. */
const BATCH = 1_000;
const BEGINNING: ChainPlace = { seq: '0', hash: GENESIS };

/**
 * Follows the chain of the transaction's workspace to where it ended when this began: what is appended meanwhile is left
 * for the next time. A record that was changed, taken out, put in or moved is found and its place named; records cut off
 * at the end are found as long as the end's own row was not changed with them.
 */
export async function verifyChain(tx: WorkspaceTx | PlatformTx, part: ChainPart = {}): Promise<ChainVerdict> {
	const { after = BEGINNING, most = Number.POSITIVE_INFINITY, signal } = part;
	const end = (await chainHead(tx)) ?? BEGINNING;
	let previous = after;
	let records = 0;
	while (records < most) {
		signal?.throwIfAborted();
		const limit = Math.min(BATCH, most - records);
		const links = await readChain(tx, { after: previous.seq, upTo: end.seq, limit });
		const found = follow(previous, links);
		records += found.right;
		previous = found.last;
		if (found.broken !== undefined) return { intact: false, records, ...found.broken };
		if (links.length < limit) break;
	}
	if (records === most && BigInt(previous.seq) < BigInt(end.seq)) return intact(previous, records, 'part');
	if (previous.seq !== end.seq || !previous.hash.equals(end.hash)) {
		return { intact: false, records, seq: previous.seq, fault: 'end-missing' };
	}
	const planted = await plantedBehind(tx, end);
	if (planted !== undefined) return { intact: false, records, seq: planted, fault: 'beyond-end' };
	return intact(previous, records, 'whole');
}

function intact({ seq, hash }: ChainPlace, records: number, extent: 'part' | 'whole'): IntactChain {
	return { intact: true, records, seq, head: hash.toString('hex'), complete: extent === 'whole' };
}

interface Followed {
	readonly right: number;
	readonly last: ChainPlace;
	readonly broken?: Pick<BrokenChain, 'seq' | 'fault'>;
}

function follow(from: ChainPlace, links: readonly ChainLink[]): Followed {
	let last = from;
	for (const [right, link] of links.entries()) {
		const fault = faultOf(last, link);
		if (fault !== undefined) return { right, last, broken: { seq: placeOf(last, link, fault), fault } };
		last = link;
	}
	return { right: links.length, last };
}

// Record and end are written together: a record that was appended meanwhile is seen with an end that knows of it.
async function plantedBehind(tx: WorkspaceTx | PlatformTx, { seq }: ChainPlace): Promise<string | undefined> {
	const [behind] = await readChain(tx, { after: seq, limit: 1 });
	if (behind === undefined) return undefined;
	const end = (await chainHead(tx)) ?? BEGINNING;
	return BigInt(end.seq) < BigInt(behind.seq) ? behind.seq : undefined;
}

function faultOf(previous: ChainPlace, link: ChainLink): ChainFault | undefined {
	if (BigInt(link.seq) !== BigInt(previous.seq) + 1n) return 'missing';
	if (!chainHash(previous.hash, link.line).equals(link.hash)) return 'changed';
	return agrees(link) ? undefined : 'columns-differ';
}

function placeOf(previous: ChainPlace, link: ChainLink, fault: ChainFault): string {
	return fault === 'missing' ? String(BigInt(previous.seq) + 1n) : link.seq;
}

// What people search by must be what the line says: the chain is made over the line alone.
function agrees({ line, at, ...columns }: ChainLink): boolean {
	const said = JSON.parse(line) as Readonly<Record<string, unknown>>;
	const names = ['request', 'kind', 'outcome', 'code', 'server', 'tool'] as const;
	const shown = (value: unknown): unknown => (typeof value === 'string' ? columnText(value) : (value ?? null));
	return (
		names.every((name) => shown(said[name]) === columns[name]) &&
		shown(oidIn(said)) === columns.oid &&
		Date.parse(String(said['time'])) === at.getTime()
	);
}

// A call names its principal by members, a change its actor by the key.
function oidIn({ principal, actor }: Readonly<Record<string, unknown>>): unknown {
	if (typeof actor === 'string' && actor.startsWith('[')) return (JSON.parse(actor) as readonly unknown[])[2];
	return (principal as { readonly oid?: unknown } | undefined)?.oid;
}
