import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RuntimeProgram } from '../config/snapshot.ts';
import { findNode, NODE_PACKAGE, NODE_VERSION } from './find-node.ts';
import { CONTAINER_RUNNERS, onPath } from './find-runner.ts';
import { HALF_DONE, installNpm } from './install-npm.ts';
import { type InstallRecord, platformText, RECORD_FILE, readRecord } from './install-record.ts';
import { changeIn, type Launch, type LaunchWish, launchOf } from './launch.ts';
import { folderNameOf, programText } from './program.ts';
import { RuntimeError } from './runtime-error.ts';

/** Where and with what programs are installed. */
export interface RuntimeParts {
	/** Folder of all runtimes. */
	readonly folder: string;
	/** Variables npm and runners get. */
	readonly env: Readonly<Record<string, string>>;
}

/** What to install. */
export interface InstallWish {
	readonly program: RuntimeProgram;
	/** Whether scripts of packages may run. */
	readonly scripts?: boolean;
	readonly signal?: AbortSignal | undefined;
	/** Told what goes on. */
	tell?(what: string): void;
}

/** An installed program. */
export interface Installed {
	/** Name of its folder, by which it is removed. */
	readonly name: string;
	readonly record: InstallRecord;
}

/** The programs that the operator has installed, and may thus be started. */
export interface Runtime {
	/** Resolves at once where it is installed already. Throws `RuntimeError`. */
	install(wish: InstallWish): Promise<Installed>;
	isInstalled(program: RuntimeProgram): boolean;
	list(): readonly Installed[];
	/** Whether there was anything of that name. */
	remove(name: string): boolean;
	/** Reads every file again; what is wrong, or `undefined`. */
	check(installed: Installed): Promise<string | undefined>;
	/** See `launchOf`. */
	launch(wish: LaunchWish): Promise<Launch>;
}

/** The runtime folder; nothing is made in it before something is installed. */
export function createRuntime({ folder, env }: RuntimeParts): Runtime {
	const root = resolve(folder);
	const path = env['PATH'] ?? '';
	const recordOf = (name: string): InstallRecord | undefined => readRecord(join(root, name));
	const installPackage = async (program: RuntimeProgram, wish: Omit<InstallWish, 'program'>): Promise<Installed> => {
		const name = folderNameOf(program);
		const known = recordOf(name);
		if (known !== undefined) return { name, record: known };
		const { package: packageName, version = '' } = program;
		wish.tell?.(`installing ${programText(program)}`);
		const scripts = wish.scripts ?? false;
		const wanted = { root, folderName: name, package: packageName, version, scripts, npm: 'npm', env };
		return { name, record: await installNpm({ ...wanted, signal: wish.signal }) };
	};
	return {
		async install({ program, ...wish }) {
			if (program.runner !== 'npm') return noteRunner(program, { root, path });
			const installed = await installPackage(program, wish);
			if (findNode(program.minNode, root) === undefined) await installPackage(NODE, wish);
			return installed;
		},
		isInstalled: (program) => recordOf(folderNameOf(program)) !== undefined,
		list() {
			const names = existsSync(root) ? readdirSync(root).toSorted() : [];
			return names.flatMap((name) => {
				const record = name.startsWith('.') ? undefined : recordOf(name);
				return record === undefined ? [] : [{ name, record }];
			});
		},
		remove(name) {
			// Of the names that there are, so that none leads elsewhere.
			const isThere = existsSync(root) && readdirSync(root).includes(name) && recordOf(name) !== undefined;
			if (isThere) removeFolder(root, name);
			return isThere;
		},
		check: ({ name, record }) => changeIn(join(root, name), record, 'thorough'),
		launch: (wish) => launchOf(wish, { root, path }),
	};
}

// Gone at once for whoever looks, however long the rest takes.
function removeFolder(root: string, name: string): void {
	const gone = join(root, `${HALF_DONE}${process.pid}-${randomBytes(6).toString('hex')}`);
	renameSync(join(root, name), gone);
	rmSync(gone, { recursive: true, force: true });
}

const NODE: RuntimeProgram = Object.freeze({ runner: 'npm', package: NODE_PACKAGE, version: NODE_VERSION });

// Nothing is fetched: the record says that the operator lets this one program run.
function noteRunner(
	program: RuntimeProgram,
	{ root, path }: { readonly root: string; readonly path: string },
): Installed {
	const { runner, package: packageName, version } = program;
	const runners =
		runner === 'uvx' ? ['uvx'] : runner === 'container' ? CONTAINER_RUNNERS : [program.program ?? packageName];
	if (runners.every((each) => onPath(each, path) === undefined)) {
		throw new RuntimeError('runner-missing', `${programText(program)} ${NEEDS[runner]}`);
	}
	const name = folderNameOf(program);
	const record: InstallRecord = {
		format: 1,
		runner,
		package: packageName,
		...(version !== undefined && { version }),
		programs: {},
		scripts: false,
		files: 0,
		bytes: 0,
		platform: platformText(),
		installedAt: new Date().toISOString(),
	};
	mkdirSync(join(root, name), { recursive: true, mode: 0o700 });
	writeFileSync(join(root, name, RECORD_FILE), `${JSON.stringify(record, null, '\t')}\n`, { mode: 0o600 });
	return { name, record };
}

const NEEDS: Readonly<Record<RuntimeProgram['runner'], string>> = {
	npm: 'needs npm.',
	uvx: 'is run by uvx, and there is no uvx on the PATH. Install uv, then try again.',
	container: 'runs in a container, and there is neither docker nor podman on the PATH. Install one, then try again.',
	binary: 'is a program of its own, and it is not on the PATH. Install it as its vendor says, then try again.',
};
