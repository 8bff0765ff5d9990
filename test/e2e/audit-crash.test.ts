import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createShipper } from '../../src/audit/ship-records.ts';
import { createSpool } from '../../src/audit/spool.ts';

// PORTCULLIS_LONG=1 kills four times as often.
const ROUNDS = process.env['PORTCULLIS_LONG'] === '1' ? 200 : 50;
const CHILD = resolve(import.meta.dirname, '../fakes/audit-crash.mjs');
const FIVE_MINUTES_MS = 300_000;

let folder: string;
let spoolFolder: string;
let storeFile: string;

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-crash-'));
	spoolFolder = join(folder, 'spool');
	storeFile = join(folder, 'store.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the child and kills it at a random moment, now and then while it recovers; what it said it had kept. */
async function crash(round: number): Promise<string[]> {
	const child = spawn(process.execPath, [CHILD, spoolFolder, storeFile, `r${round}`], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	let output = '';
	const started = new Promise<void>((begun) => {
		child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
			output += chunk;
			begun();
		});
	});
	const closed = once(child, 'close');
	if (round % 4 === 0) await delay(40 + Math.random() * 80);
	else await Promise.race([started.then(() => delay(Math.random() * 150)), closed]);
	child.kill('SIGKILL');
	const [code] = await closed;
	expect(code, 'it was killed and did not fail').toBeNull();
	return output.split('\n').slice(0, -1);
}

/** Starts once more, and ships all that is left. */
async function settle(stored: Map<string, string>): Promise<void> {
	const spool = createSpool({ folder: spoolFolder, limitBytes: 1, now: Date.now });
	const shipper = createShipper({
		spool,
		async ship(records) {
			for (const { time, request, kind, line } of records) stored.set(`${time} ${request} ${kind}`, line);
		},
		onTrouble: ({ what }) => expect(what).toBe('unreadable'),
		retryMs: 5,
	});
	expect(await shipper.flush(AbortSignal.timeout(30_000))).toBe(true);
	await shipper.close();
	spool.close();
}

interface Stored {
	readonly time: string;
	readonly kind: string;
	readonly request: string;
	readonly outcome?: string;
	readonly workspaceId?: string;
}

function readStore(): Map<string, string> {
	const lines = readFileSync(storeFile, 'utf8').split('\n').slice(0, -1);
	return new Map(
		lines.map((line) => {
			const { time, request, kind } = JSON.parse(line) as Stored;
			return [`${time} ${request} ${kind}`, line];
		}),
	);
}

describe('a gateway that is killed again and again', () => {
	it(
		'loses no record it had acknowledged, and every intent has exactly one outcome after the next start',
		async () => {
			const told: string[] = [];
			for (let round = 0; round < ROUNDS; round++) told.push(...(await crash(round)));
			const stored = readStore();
			const shippedBefore = stored.size;
			await settle(stored);

			const records = [...stored.values()].map((line) => JSON.parse(line) as Stored);
			const outcomes = new Map<string, Stored[]>();
			for (const record of records.filter(({ kind }) => kind === 'outcome'))
				outcomes.set(record.request, [...(outcomes.get(record.request) ?? []), record]);
			const intents = records.filter(({ kind }) => kind === 'intent').map(({ request }) => request);
			const acknowledged = (kind: string): string[] =>
				told.flatMap((line) => (line.startsWith(`${kind} `) ? [line.slice(kind.length + 1)] : []));

			const known = new Set(intents);
			expect(acknowledged('intent').filter((request) => !known.has(request))).toEqual([]);
			expect(acknowledged('outcome').filter((request) => outcomes.get(request)?.[0]?.outcome !== 'ok')).toEqual([]);
			expect(intents.filter((request) => outcomes.get(request)?.length !== 1)).toEqual([]);
			expect([...outcomes.keys()].filter((request) => !known.has(request))).toEqual([]);
			expect(records.filter(({ workspaceId }) => workspaceId !== 'w-1')).toEqual([]);

			// It was no easy life: calls were cut off, and most records were shipped on the way.
			const unknown = records.filter(({ outcome }) => outcome === 'unknown').length;
			expect(unknown).toBeGreaterThan(ROUNDS / 2);
			expect(shippedBefore).toBeGreaterThan(records.length / 2);
			expect(existsSync(join(spoolFolder, 'refused.jsonl'))).toBe(false);
			expect(readdirSync(spoolFolder).filter((name) => name.endsWith('.jsonl'))).toHaveLength(1);
		},
		FIVE_MINUTES_MS,
	);
});
