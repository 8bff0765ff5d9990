import { setTimeout as sleep } from 'node:timers/promises';
import { type Ground, runProgram } from './run-program.ts';
import type { Durability } from './settings.ts';
import { fault } from './start-fault.ts';

const ORPHAN_WAIT_MS = 15_000;
const RETRY_MS = 100;
/** What is left of a server that was killed ends by itself, but not at once. */
const STILL_HELD = /still in use|postmaster\.pid/;

/** A database that no server is running on. */
export interface StillDatabase {
	readonly postgres: string;
	readonly data: string;
	readonly settings: readonly string[];
	readonly durability: Durability;
	readonly ground: Ground;
	readonly signal: AbortSignal | undefined;
}

/**
 * Runs statements while nobody else can: PostgreSQL reads them from stdin, opens no socket and asks for no password. After
 * a crash the data is recovered here.
 */
export async function runSingleUser(database: StillDatabase, statements: readonly string[]): Promise<void> {
	const { postgres: path, data, settings, ground, signal } = database;
	const args = ['--single', '-D', data, ...settings, '-c', 'exit_on_error=on', 'postgres'];
	const program = { path, args, dyingWith: 'TERM' } as const;
	const input = `${statements.join('\n')}\n`;
	const deadline = Date.now() + ORPHAN_WAIT_MS;
	for (;;) {
		const end = await runProgram(program, ground, { input, signal });
		if (end.code === 0) return;
		if (!STILL_HELD.test(end.output) || Date.now() > deadline) {
			throw fault('PostgreSQL could not open its data folder', data, end);
		}
		await sleep(RETRY_MS, undefined, { signal });
	}
}
