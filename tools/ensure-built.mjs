// Builds dist when it is missing or older than what it is made of. Standard output stays empty: it belongs to the
// command that follows. `node --import ./tools/ensure-built.mjs dist/main.js …` builds and runs in one process, so that
// signals reach the gateway and not a shell in front of it.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';

const ROOT = path.resolve(import.meta.dirname, '..');
const STAMP = path.join(ROOT, 'dist/.built');
const INPUTS = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'src'];

/** Everything below a path, folders too: a folder changes when a file in it is removed. */
function listInputs(input) {
	const full = path.join(ROOT, input);
	if (!existsSync(full)) return [];
	if (!statSync(full).isDirectory()) return [full];
	return [full, ...readdirSync(full, { recursive: true }).map((each) => path.join(full, each))];
}

function isFresh() {
	if (!existsSync(STAMP)) return false;
	const builtMs = statSync(STAMP).mtimeMs;
	const sources = INPUTS.flatMap(listInputs).filter((file) => !file.endsWith('.test.ts'));
	return sources.every((file) => statSync(file).mtimeMs <= builtMs);
}

function build() {
	const startedAt = new Date();
	process.stderr.write('Building dist …\n');
	rmSync(path.join(ROOT, 'dist'), { recursive: true, force: true });
	const compiler = path.join(ROOT, 'node_modules/typescript/bin/tsc');
	const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
		cwd: ROOT,
		stdio: ['ignore', 2, 2],
	});
	if (status !== 0) process.exit(status ?? 1);
	cpSync(path.join(ROOT, 'src/catalogue/entries'), path.join(ROOT, 'dist/catalogue/entries'), { recursive: true });
	writeFileSync(STAMP, '');
	utimesSync(STAMP, startedAt, startedAt); // a file saved during the build is newer than the build
}

const forced = process.argv[1] === import.meta.filename && process.argv[2] === '--force';
if (isMainThread && (forced || !isFresh())) build();
