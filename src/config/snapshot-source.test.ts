import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isConfigFaults } from './faults.ts';
import type { Snapshot } from './snapshot.ts';
import { createSnapshotSource, type FileSnapshotSource, type SnapshotSourceOptions } from './snapshot-source.ts';

let folder: string;
let file: string;
let open: FileSnapshotSource[];

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-source-'));
	file = join(folder, 'portcullis.yaml');
	open = [];
	writeFileSync(join(folder, 'key'), 'one');
	write('first');
});

afterEach(() => {
	for (const source of open) source.close();
	rmSync(folder, { recursive: true });
});

function text(title: string): string {
	return [
		'directories: [{ id: d, issuer: "https://i.example", tenantId: t, audiences: [a], jwksUrl: "https://i.example/keys" }]',
		`workspaces: { w: { title: ${title}, servers: { s: { transport: http, url: "https://u.example", headers: { x-key: "\${file:key}" } } } } }`,
	].join('\n');
}

function write(title: string): void {
	writeFileSync(file, text(title));
}

async function start(options: Partial<SnapshotSourceOptions> = {}): Promise<FileSnapshotSource> {
	const source = await createSnapshotSource({ file, env: {}, ...options });
	open.push(source);
	return source;
}

function title(source: FileSnapshotSource): string | undefined {
	return source.current().workspaces.get('w')?.title;
}

describe('a snapshot source', () => {
	test('starts with version 1 of the file', async () => {
		const source = await start();
		expect([title(source), source.current().version]).toEqual(['first', 1]);
	});

	test('does not start with a file that has faults', async () => {
		writeFileSync(file, 'nonsense: 1');
		const error = await start().catch((reason: unknown) => reason);
		expect(isConfigFaults(error)).toBe(true);
	});

	test('swaps when the file is written', async () => {
		const source = await start();
		write('second');
		await vi.waitFor(() => expect(title(source)).toBe('second'), { timeout: 10_000 });
		expect(source.current().version).toBe(2);
	});

	test('swaps when the file is replaced by renaming, again and again', async () => {
		const source = await start();
		for (const next of ['second', 'third']) {
			writeFileSync(join(folder, '.swap'), text(next));
			renameSync(join(folder, '.swap'), file);
			await vi.waitFor(() => expect(title(source)).toBe(next), { timeout: 10_000 });
		}
		expect(source.current().version).toBe(3);
	});

	test('keeps the old snapshot when the new file has faults, says so, and takes the next good one', async () => {
		const faults: Error[] = [];
		const source = await start({ onFaults: (error) => void faults.push(error) });
		writeFileSync(file, 'nonsense: 1');
		await vi.waitFor(() => expect(faults.some(isConfigFaults)).toBe(true), { timeout: 10_000 });
		expect([title(source), source.current().version]).toEqual(['first', 1]);
		write('second');
		await vi.waitFor(() => expect([title(source), source.current().version]).toEqual(['second', 2]), {
			timeout: 10_000,
		});
	});

	test('keeps the old snapshot when the file is gone', async () => {
		const faults: Error[] = [];
		const source = await start({ onFaults: (error) => void faults.push(error) });
		rmSync(file);
		expect(await source.reload()).toBe(false);
		expect(faults.map(({ message }) => message)).toContain(`${file}:1:1: cannot be read (ENOENT)`);
		expect(title(source)).toBe('first');
	});

	test('reads secret files again on reload, though the file is the same', async () => {
		const source = await start();
		const revision = () => source.current().workspaces.get('w')?.servers.get('s')?.revision;
		const before = revision();
		writeFileSync(join(folder, 'key'), 'two');
		expect(await source.reload()).toBe(true);
		expect(revision()).not.toBe(before);
	});

	test('does not swap what means the same', async () => {
		const source = await start();
		const before = source.current();
		writeFileSync(file, `# a comment\n${text('first')}`);
		expect(await source.reload()).toBe(false);
		expect(source.current()).toBe(before);
	});

	test('tells listeners after the swap, then the one that logs it', async () => {
		const told: string[] = [];
		const source = await start({ onSwapped: (next: Snapshot) => void told.push(`swapped ${next.version}`) });
		source.onChange((next) => void told.push(`listener ${next === source.current()}`));
		write('second');
		await Promise.all([source.reload(), source.reload()]);
		expect(told).toEqual(['listener true', 'swapped 2']);
	});

	test('tells the other listeners when one fails, and says so', async () => {
		const [told, faults]: [number[], string[]] = [[], []];
		const source = await start({ onFaults: ({ message }) => void faults.push(message) });
		source.onChange(() => {
			throw new Error('lost');
		});
		source.onChange((next) => void told.push(next.version));
		write('second');
		expect(await source.reload()).toBe(true);
		expect([told, faults]).toEqual([[2], ['lost']]);
	});

	test('swaps no more once it is closed, not even for a reading under way', async () => {
		const source = await start();
		write('second');
		const reading = source.reload();
		source.close();
		expect(await reading).toBe(false);
		expect(title(source)).toBe('first');
	});
});
