import { chainHash, columnText, GENESIS } from './queries/audit-chain.ts';
import { type ChainLink, chainHead, readChain } from './queries/audit-event.ts';
import type { PlatformTx, WorkspaceTx } from './tx.ts';

/** What a chain turned out to be. */
export type ChainVerdict =
	| {
			readonly intact: true;
			readonly records: number /** Hash of the last record, hex: keep it elsewhere. */;
			readonly head: string;
	  }
	| {
			readonly intact: false;
			readonly records: number /** First place that is wrong, and how. */;
			readonly seq: string;
			readonly fault: ChainFault;
	  };

/** How a chain is broken: a record changed, missing, repeated, or its end cut off. */
export type ChainFault = 'changed' | 'missing' | 'columns-differ' | 'end-missing';

const BATCH = 5_000;

/**
 * Follows the chain of the transaction's workspace from its first record to its last. A record that was changed, taken out,
 * put in or moved is found and its place named; records cut off at the end are found as long as the end's own row was not
 * changed with them.
 */
export async function verifyChain(
	tx: WorkspaceTx | PlatformTx,
	onProgress: (records: number) => void = () => undefined,
): Promise<ChainVerdict> {
	let previous: Pick<ChainLink, 'seq' | 'hash'> = { seq: '0', hash: GENESIS };
	let records = 0;
	for (;;) {
		const links = await readChain(tx, { after: previous.seq, limit: BATCH });
		if (links.length === 0) break;
		for (const link of links) {
			const fault = faultOf(previous, link);
			if (fault !== undefined) return { intact: false, records, seq: placeOf(previous, link, fault), fault };
			previous = link;
			records++;
		}
		onProgress(records);
	}
	const head = await chainHead(tx);
	const isWhole = head === undefined ? records === 0 : head.seq === previous.seq && head.hash.equals(previous.hash);
	if (!isWhole) return { intact: false, records, seq: previous.seq, fault: 'end-missing' };
	return { intact: true, records, head: previous.hash.toString('hex') };
}

function faultOf(previous: Pick<ChainLink, 'seq' | 'hash'>, link: ChainLink): ChainFault | undefined {
	if (BigInt(link.seq) !== BigInt(previous.seq) + 1n) return 'missing';
	if (!chainHash(previous.hash, link.line).equals(link.hash)) return 'changed';
	return agrees(link) ? undefined : 'columns-differ';
}

function placeOf(previous: Pick<ChainLink, 'seq'>, link: ChainLink, fault: ChainFault): string {
	return fault === 'missing' ? String(BigInt(previous.seq) + 1n) : link.seq;
}

// What people search by must be what the line says: the chain is made over the line alone.
function agrees({ line, ...columns }: ChainLink): boolean {
	const said = JSON.parse(line) as Readonly<Record<string, unknown>>;
	const names = ['request', 'kind', 'outcome', 'code', 'server', 'tool'] as const;
	return names.every((name) => {
		const text = said[name];
		return (typeof text === 'string' ? columnText(text) : null) === columns[name];
	});
}
