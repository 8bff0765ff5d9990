import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** Everything below a folder, as two digests. */
export interface TreeDigest {
	/** Of every path, and the bytes behind it. */
	readonly content: string;
	/** Of every path, and size and time of change of the file behind it: found without reading any file. */
	readonly stamp: string;
	readonly files: number;
	readonly bytes: number;
}

interface Leaf {
	readonly path: string;
	readonly size: number;
	/** Whole seconds: copies of a folder often keep no more. */
	readonly changedAt: number;
	readonly target: string | undefined;
	readonly isExecutable: boolean;
}

const AT_ONCE = 16;

/** Digest of all that is below a folder but the file of this name at its top. */
export async function digestTree(folder: string, except: string): Promise<TreeDigest> {
	const leaves = await leavesOf(folder, except);
	const contents = await inTurns(leaves, (leaf) => leaf.target ?? fileDigest(join(folder, leaf.path)));
	return {
		content: hashOf(leaves.map((leaf, index) => [leaf.path, leaf.isExecutable, contents[index]])),
		stamp: stampOf(leaves),
		files: leaves.length,
		bytes: leaves.reduce((sum, { size }) => sum + size, 0),
	};
}

/** The stamp alone, which costs no reading. */
export async function stampTree(folder: string, except: string): Promise<string> {
	return stampOf(await leavesOf(folder, except));
}

function stampOf(leaves: readonly Leaf[]): string {
	return hashOf(leaves.map(({ path, size, changedAt, target }) => [path, target ?? size, target ?? changedAt]));
}

function hashOf(value: unknown): string {
	return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

async function leavesOf(folder: string, except: string): Promise<readonly Leaf[]> {
	const entries = await readdir(folder, { recursive: true, withFileTypes: true });
	const prefix = folder.length + 1;
	const paths = entries
		.filter((entry) => !entry.isDirectory())
		.map((entry) => join(entry.parentPath, entry.name).slice(prefix))
		.filter((path) => path !== except)
		.sort();
	return inTurns(paths, (path) => leafOf(folder, path));
}

async function leafOf(folder: string, path: string): Promise<Leaf> {
	const full = join(folder, path);
	const { size, mtimeMs, mode, ...kind } = await lstat(full).then((stat) => ({
		size: stat.size,
		mtimeMs: stat.mtimeMs,
		mode: stat.mode,
		isLink: stat.isSymbolicLink(),
	}));
	return {
		path,
		size: kind.isLink ? 0 : size,
		changedAt: Math.floor(mtimeMs / 1_000),
		target: kind.isLink ? await readlink(full) : undefined,
		isExecutable: !kind.isLink && (mode & 0o100) !== 0,
	};
}

async function fileDigest(path: string): Promise<string> {
	const hash = createHash('sha256');
	await pipeline(createReadStream(path), hash);
	return hash.digest('hex');
}

async function inTurns<In, Out>(items: readonly In[], work: (item: In) => Out | Promise<Out>): Promise<Out[]> {
	const done: Out[] = new Array<Out>(items.length);
	let next = 0;
	const worker = async (): Promise<void> => {
		for (let index = next++; index < items.length; index = next++) done[index] = await work(items[index] as In);
	};
	await Promise.all(Array.from({ length: AT_ONCE }, worker));
	return done;
}
