import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** One fault: a text of the compiled gateway, and what stands there instead. */
export interface Fault {
	/** File below `dist`. */
	readonly file: string;
	readonly sound: string;
	readonly faulty: string;
}

/** A copy of the build with faults in it; tests alone can make one. */
export interface FaultyBuild {
	/** Compiled entry point. */
	readonly main: string;
	remove(): void;
}

const ROOT = resolve(import.meta.dirname, '../..');

/** Plants faults in a copy of the build; throws when the code is no longer what they were made for. */
export function plant(faults: readonly Fault[]): FaultyBuild {
	const folder = mkdtempSync(join(tmpdir(), 'portcullis-planted-'));
	const remove = (): void => rmSync(folder, { recursive: true, force: true });
	cpSync(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true });
	cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
	for (const name of ['node_modules', 'migrations']) symlinkSync(join(ROOT, name), join(folder, name));
	try {
		for (const fault of faults) plantOne(join(folder, 'dist', fault.file), fault);
	} catch (error) {
		remove();
		throw error;
	}
	return { main: join(folder, 'dist/main.js'), remove };
}

function plantOne(path: string, { file, sound, faulty }: Fault): void {
	const parts = readFileSync(path, 'utf8').split(sound);
	if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${sound}`);
	writeFileSync(path, parts.join(faulty));
}
