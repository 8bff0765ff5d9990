import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockFolder } from '../../src/store/folder-lock.ts';

const LOCK = resolve(import.meta.dirname, '../../dist/store/folder-lock.js');
const STARTERS = 8;
const ROUNDS = 60;

/** Tries every folder at the same moment as the other starters and prints which it owns. It ends with stdin. */
const STARTER = `
	import { lockFolder } from ${JSON.stringify(LOCK)};
	const [root, start] = process.argv.slice(1);
	const own = [];
	for (let round = 0; round < ${ROUNDS}; round++) {
		while (Date.now() < Number(start) + round * 20);
		try {
			lockFolder(root + '/' + round);
			own.push(round);
		} catch (error) {
			if (error.code !== 'PC_DATA_FOLDER_TAKEN') throw error;
		}
	}
	process.stdout.end(JSON.stringify(own));
	process.stdin.resume();
`;

let root: string;
beforeEach(() => {
	root = mkdtempSync(join(tmpdir(), 'portcullis-lock-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** What earlier owners left: nothing, a dead owner, or one whose successor died while it took over. */
function leave(round: number, dead: object): void {
	mkdirSync(join(root, String(round)));
	const file = join(root, String(round), 'owner.json');
	if (round % 3 > 0) writeFileSync(file, JSON.stringify({ ...dead, id: 'first' }));
	if (round % 3 > 1) writeFileSync(`${file}.first`, JSON.stringify({ ...dead, id: 'second' }));
}

it('lets exactly one of many that start at once own the folder, whatever state it was left in', async () => {
	const self = { pid: 2 ** 22 + 1, started: '1', processes: visibleProcesses() };
	for (let round = 0; round < ROUNDS; round++) leave(round, self);
	const start = Date.now() + 1_500;
	const starters = Array.from({ length: STARTERS }, () => {
		const args = ['--input-type=module', '--eval', STARTER, root, String(start)];
		return spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
	});
	const owned = await Promise.all(starters.map(({ stdout }) => text(stdout)));
	for (const { stdin } of starters) stdin.end();
	const winners = owned.flatMap((printed) => JSON.parse(printed) as number[]);
	expect(winners.sort((a, b) => a - b)).toEqual(Array.from({ length: ROUNDS }, (_, round) => round));
});

/** What a lock made here says of where its owner runs. */
function visibleProcesses(): string {
	const lock = lockFolder(root);
	const { processes } = JSON.parse(readFileSync(join(root, 'owner.json'), 'utf8')) as { processes: string };
	lock.release();
	return processes;
}
