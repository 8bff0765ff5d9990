import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import { startEmbedded } from '../../src/store/embedded/start-embedded.ts';

/**
 * Makes a data folder with an empty database in it, so that a gateway that starts there has less to do than at a first
 * start, which takes a second more. The database is made once in a run of the tests and copied.
 */
export async function prepareData(dataFolder: string): Promise<void> {
	const original = join(inject('runFolder'), 'data');
	if (!existsSync(original)) await makeOriginal(original);
	const [from, to] = [join(original, 'postgres'), join(dataFolder, 'postgres')];
	mkdirSync(to, { recursive: true, mode: 0o700 });
	for (const name of readdirSync(from)) {
		// Nobody writes to programs: another name for each does.
		const how = name.startsWith('programs-') ? '-al' : '-a';
		execFileSync('cp', [how, join(from, name), to]);
	}
}

async function makeOriginal(original: string): Promise<void> {
	const making = `${original}.making`;
	mkdirSync(making, { mode: 0o711 });
	const database = await startEmbedded({ folder: making, durability: 'fast' });
	await database.close();
	renameSync(making, original);
}
