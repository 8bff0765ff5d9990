import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeProgram } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { type FoundNode, findNode, leastOf } from './find-node.ts';
import { CONTAINER_RUNNERS, onPath } from './find-runner.ts';
import { type InstallRecord, platformText, RECORD_FILE, readRecord } from './install-record.ts';
import { folderNameOf, programText } from './program.ts';
import { programIn } from './read-package.ts';
import { digestTree, stampTree } from './tree-digest.ts';

/** A program with its arguments, ready to be started. */
export interface Launch {
	readonly command: string;
	readonly args: readonly string[];
}

/** Where programs are looked for. */
export interface LaunchPlace {
	/** Folder of all runtimes. */
	readonly root: string;
	/** `PATH`, for runners and binaries. */
	readonly path: string;
}

/** What is started, and with what. */
export interface LaunchWish {
	readonly program: RuntimeProgram;
	readonly args: readonly string[];
	/** Names of the variables it gets: a container has to be told. */
	readonly variables: readonly string[];
}

/**
 * How an installed program is started: by an absolute path, never through npx. What the operator has not installed, or
 * what has changed since, is not started: PC_RUNTIME_MISSING, PC_RUNTIME_CHANGED, PC_RUNTIME_UNFIT.
 */
export async function launchOf(wish: LaunchWish, place: LaunchPlace): Promise<Launch> {
	const { program } = wish;
	const folder = join(place.root, folderNameOf(program));
	const record = readRecord(folder);
	if (record === undefined) {
		throw new PortcullisError('PC_RUNTIME_MISSING', { detail: `${programText(program)} is not installed` });
	}
	if (program.runner === 'npm') return launchPackage(wish, record, { folder, root: place.root });
	return launchWithRunner(wish, place);
}

async function launchPackage(
	{ program, args }: LaunchWish,
	record: InstallRecord,
	{ folder, root }: { readonly folder: string; readonly root: string },
): Promise<Launch> {
	const fault = await changeIn(folder, record);
	if (fault !== undefined) throw new PortcullisError('PC_RUNTIME_CHANGED', { detail: fault });
	const path = programIn(record.programs, program);
	if (path === undefined) throw unfit(`${programText(program)} has no program of that name`);
	const full = join(folder, path);
	if (!isScript(full)) return { command: full, args };
	const node = nodeFor(program, record, root);
	if (node === undefined) throw unfit(`${programText(program)} needs Node ${program.minNode}, and there is none`);
	return { command: node.path, args: [...inPlaceOfArguments(args), full, ...args] };
}

// What the catalogue says must be; what the package itself asks for is preferred, and often not needed.
function nodeFor({ minNode }: RuntimeProgram, { engines }: InstallRecord, root: string): FoundNode | undefined {
	return findNode(minNode ?? leastOf(engines), root) ?? (minNode === undefined ? findNode(undefined, root) : undefined);
}

/** What is wrong with an installed package; `undefined` when it is as it was installed. */
export async function changeIn(
	folder: string,
	record: InstallRecord,
	how: 'quick' | 'thorough' = 'quick',
): Promise<string | undefined> {
	if (record.platform !== platformText()) return `it was installed for ${record.platform}`;
	if (record.runner !== 'npm') return undefined;
	if (how === 'quick' && (await stampTree(folder, RECORD_FILE)) === record.stamp) return undefined;
	// Another time of change is no other file: a folder that was copied or restored is read as a whole.
	const { content } = await digestTree(folder, RECORD_FILE);
	return content === record.content ? undefined : 'a file of it has changed since it was installed';
}

/** An argument that is secret stands empty in the list and arrives as a variable of this name and its place. */
export const ARGUMENT_VARIABLE = 'PORTCULLIS_ARGUMENT_';

// Run before the program, in its own process: the list of processes never shows what it puts in.
const FILL = `for (const [name, value] of Object.entries(process.env)) {
	const place = /^${ARGUMENT_VARIABLE}(\\d+)$/.exec(name)?.[1];
	if (place === undefined) continue;
	process.argv[2 + Number(place)] = value;
	delete process.env[name];
}`;

function inPlaceOfArguments(args: readonly string[]): readonly string[] {
	return args.includes('') ? ['--import', `data:text/javascript,${encodeURIComponent(FILL)}`] : [];
}

function launchWithRunner(wish: LaunchWish, { path }: LaunchPlace): Launch {
	const { program, args } = wish;
	const { runner, package: name, version } = program;
	if (runner === 'uvx') return { command: found('uvx', path), args: [...uvxArgs(program), ...args] };
	if (runner === 'binary') return { command: found(program.program ?? name, path), args };
	const command = CONTAINER_RUNNERS.map((each) => onPath(each, path)).find((each) => each !== undefined);
	if (command === undefined) throw unfit('neither docker nor podman is on the PATH');
	const image = version === undefined ? name : `${name}${version.startsWith('sha256:') ? '@' : ':'}${version}`;
	// By name alone: the value comes from the environment of the runner and is in no list of processes.
	const variables = wish.variables.flatMap((variable) => ['-e', variable]);
	return { command, args: ['run', '--rm', '-i', '--init', ...variables, image, ...args] };
}

function uvxArgs({ package: name, version, program, source }: RuntimeProgram): readonly string[] {
	const from = source ?? (version === undefined ? name : `${name}==${version}`);
	return ['--from', from, program ?? name];
}

function found(name: string, path: string): string {
	const full = onPath(name, path);
	if (full === undefined) throw unfit(`${name} is not on the PATH`);
	return full;
}

function unfit(detail: string): PortcullisError {
	return new PortcullisError('PC_RUNTIME_UNFIT', { detail });
}

// Packages may also hold programs of the machine's own code.
function isScript(path: string): boolean {
	if (/\.[cm]?js$/.test(path)) return true;
	const start = Buffer.alloc(64);
	const file = openSync(path, 'r');
	try {
		readSync(file, start, 0, start.length, 0);
	} finally {
		closeSync(file);
	}
	return /^#!.*\bnode\b/.test(start.toString('latin1'));
}
