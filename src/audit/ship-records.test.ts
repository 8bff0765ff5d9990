import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditRecord } from './audit-record.ts';
import { createShipper, type Shipper, type ShipperParts, type ShipTrouble } from './ship-records.ts';
import { createSpool, type Spool } from './spool.ts';

const MIB = 1024 * 1024;
let folder: string;
let spool: Spool;
let shipper: Shipper;
let troubles: ShipTrouble[];
/** Requests as they arrived, batch by batch. */
let arrived: string[][];
let closers: (() => unknown)[];

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-ship-'));
	[troubles, arrived, closers] = [[], [], []];
	spool = openSpool();
});
afterEach(async () => {
	for (const close of closers.reverse()) await close();
	rmSync(folder, { recursive: true, force: true });
});

function openSpool(): Spool {
	const opened = createSpool({ folder, limitBytes: 64 * MIB, now: Date.now });
	closers.push(() => opened.close());
	return opened;
}

const store: ShipperParts['ship'] = async (records) => {
	arrived.push(records.map(({ request }) => request));
};

function begin(ship: ShipperParts['ship'] = store): Shipper {
	shipper = createShipper({ spool, ship, onTrouble: (trouble) => troubles.push(trouble), retryMs: 5 });
	closers.push(() => shipper.close());
	return shipper;
}

function keep(...requests: readonly string[]): void {
	for (const request of requests)
		spool.keep(JSON.stringify({ time: new Date().toISOString(), kind: 'outcome', request, outcome: 'ok' }));
}

async function until(holds: () => boolean): Promise<void> {
	while (!holds()) await delay(5);
}

const coded = (code: string): Error => Object.assign(new Error(code), { code });
const soon = (): AbortSignal => AbortSignal.timeout(20_000);
const what = (): string[] => troubles.map((trouble) => trouble.what);
const refusedFile = (): string => join(folder, 'refused.jsonl');

describe('a shipper', () => {
	it('ships what is kept, in order, without being told', async () => {
		begin();
		keep('r-1', 'r-2');
		await until(() => arrived.length === 1);
		keep('r-3');
		await until(() => arrived.length === 2 && spool.unshippedBytes() === 0);
		expect(arrived).toEqual([['r-1', 'r-2'], ['r-3']]);
		expect(shipper.counts()).toEqual({ shipped: 3, refused: 0, unreadable: 0 });
	});

	it('hands over the members of each line, and the line itself', async () => {
		const known = {
			...{ time: '2026-11-22T18:00:00.000Z', kind: 'intent', request: 'r-1', address: '/mcp' },
			principal: { issuer: 'i', tid: 't', oid: 'o' },
			...{ workspace: 'google', workspaceId: 'w-1', server: 's', tool: 't', reasons: ['a', 'b'], rules: [] },
		};
		const line = JSON.stringify(known);
		spool.keep(line);
		const seen: AuditRecord[] = [];
		await begin(async (records) => void seen.push(...records)).flush(soon());
		expect(seen).toEqual([{ ...known, line }]);
	});

	it('ships at most 250 records and 256 KiB at once', async () => {
		keep(...Array.from({ length: 625 }, (_, at) => `r-${at}`));
		keep(...Array.from({ length: 4 }, (_, at) => `${at}-${'x'.repeat(100_000)}`));
		expect(await begin().flush(soon())).toBe(true);
		expect(arrived.map(({ length }) => length)).toEqual([250, 250, 127, 2]);
		expect(arrived.flat()).toHaveLength(629);
	});

	it('leaves nothing behind when it was flushed', async () => {
		keep('r-1');
		expect(await begin().flush(soon())).toBe(true);
		expect(arrived).toEqual([['r-1']]);
		expect(readdirSync(folder).filter((name) => name.endsWith('.jsonl'))).toEqual(['0000000002.jsonl']);
		expect(statSync(join(folder, '0000000002.jsonl')).size).toBe(0);
	});
});

describe('a store that is not there', () => {
	it('is asked again and again, and gets everything in order when it is back', async () => {
		let isThere = false;
		begin(async (records, signal) => {
			if (!isThere) throw coded('PC_STORE_UNAVAILABLE');
			return store(records, signal);
		});
		keep('r-1', 'r-2');
		await until(() => troubles.length >= 3);
		keep('r-3');
		isThere = true;
		await until(() => spool.unshippedBytes() === 0);
		expect(arrived.flat()).toEqual(['r-1', 'r-2', 'r-3']);
		expect(new Set(what())).toEqual(new Set(['delayed']));
		expect(existsSync(refusedFile())).toBe(false);
	});

	it('does not keep a stop waiting for longer than its signal', async () => {
		keep('r-1');
		begin(() => Promise.reject(coded('PC_STORE_UNAVAILABLE')));
		expect(await shipper.flush(AbortSignal.timeout(30))).toBe(false);
		await shipper.close();
		expect(spool.unshippedBytes()).toBeGreaterThan(0);
	});

	it('is given up in the middle of a batch when the shipper is closed', async () => {
		keep('r-1');
		begin(
			(_, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
		);
		expect(await shipper.flush(AbortSignal.timeout(30))).toBe(false);
		await shipper.close();
		expect(troubles).toEqual([]);
		expect((await spool.read(MIB))?.records).toHaveLength(1);
	});

	it('gets nothing twice that it took before it went', async () => {
		const calls: string[][] = [];
		let failures = 1;
		begin(async (records) => {
			const requests = records.map(({ request }) => request);
			calls.push(requests);
			if (requests.includes('bad')) throw coded('23514');
			if (requests.includes('r-3') && failures-- > 0) throw coded('PC_STORE_UNAVAILABLE');
		});
		keep('r-1', 'bad', 'r-2', 'r-3');
		expect(await shipper.flush(soon())).toBe(true);
		expect(calls).toEqual([
			['r-1', 'bad', 'r-2', 'r-3'],
			['r-1', 'bad'],
			['r-1'],
			['bad'],
			['r-2', 'r-3'],
			['r-2', 'r-3'],
		]);
		expect(shipper.counts()).toEqual({ shipped: 3, refused: 1, unreadable: 0 });
	});
});

describe('a record that the store will never take', () => {
	it('is set aside alone, and the others are not held up by it', async () => {
		begin(async (records, signal) => {
			if (records.some(({ request }) => request.startsWith('bad'))) throw coded('23514');
			return store(records, signal);
		});
		const requests = Array.from({ length: 100 }, (_, at) => (at === 17 || at === 80 ? `bad-${at}` : `r-${at}`));
		keep(...requests);
		expect(await shipper.flush(soon())).toBe(true);
		expect(arrived.flat()).toEqual(requests.filter((request) => !request.startsWith('bad')));
		const aside = readFileSync(refusedFile(), 'utf8').trimEnd().split('\n');
		expect(aside.map((line) => JSON.parse(line).request)).toEqual(['bad-17', 'bad-80']);
		expect(statSync(refusedFile()).mode & 0o777).toBe(0o600);
		expect(troubles).toMatchObject([
			{ what: 'refused', record: { request: 'bad-17' }, error: { code: '23514' } },
			{ what: 'refused', record: { request: 'bad-80' } },
		]);
		expect(shipper.counts()).toEqual({ shipped: 98, refused: 2, unreadable: 0 });
	});
});

describe('a line that is no record', () => {
	it('is passed over and counted', async () => {
		keep('r-1');
		for (const line of ['{"time":"2026', '[]', 'null', '{}', '{"time":"x","kind":"intent","request":"r"}'])
			spool.keep(line);
		spool.keep('{"time":"2026-11-22T18:00:00.000Z","kind":"intent","request":"r","tool":7}');
		keep('r-2');
		appendFileSync(join(folder, '0000000001.jsonl'), '{"half":');
		spool = openSpool();
		keep('r-3');
		expect(await begin().flush(soon())).toBe(true);
		expect(arrived.flat()).toEqual(['r-1', 'r-2', 'r-3']);
		expect(shipper.counts()).toEqual({ shipped: 3, refused: 0, unreadable: 7 });
		expect(what()).toEqual(['unreadable', 'unreadable']);
	});
});
