import { watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { keepUnchanged } from './keep-unchanged.ts';
import type { Snapshot, SnapshotSource, SwapListener } from './snapshot.ts';

/** What a followed file is read with, and who is told of it. */
export interface FollowedOptions<Reading> {
	readonly file: string;
	/** Reads the file; rejects when it is faulty. */
	read(version: number): Promise<Reading>;
	/** Whether changes are seen without being told of (`reload`); they are, unless it says no. */
	readonly isFollowed?: boolean;
	/** Runs after the listeners of a swap. */
	readonly onSwapped?: ((next: Snapshot) => void) | undefined;
	/** Told why a changed file was not taken (the old snapshot stays), or what a listener threw. */
	readonly onFaults?: ((error: Error) => void) | undefined;
}

/** A snapshot source that follows a file until it is closed. */
export interface FollowedSource<Reading> extends SnapshotSource {
	/** What the snapshot in force was read from. */
	reading(): Reading;
	/** Reads the file again, changed or not. Whether the snapshot was swapped. */
	reload(): Promise<boolean>;
	close(): void;
}

/** Editors write a file in several steps; one reading after the last of them is enough. */
const SETTLE_MS = 100;

/** Network and container file systems do not always report changes. */
const POLL_MS = 2_000;

/** Reads a file and swaps the snapshot when it changes. Rejects when the first reading does; later ones keep what was. */
export async function createFollowedSource<Reading extends { readonly snapshot: Snapshot }>(
	options: FollowedOptions<Reading>,
): Promise<FollowedSource<Reading>> {
	const { file } = options;
	// Always before the reading: a change in between is then seen again, rather than never.
	let seen = await fileState(file);
	let reading = await options.read(1);
	let current = reading.snapshot;
	let closed = false;
	const listeners: SwapListener[] = [];

	const report = (error: unknown): void => {
		if (!closed) options.onFaults?.(error instanceof Error ? error : new Error(String(error)));
	};
	// One listener that fails must not keep the others on the old snapshot.
	const tell = (listener: () => void): void => {
		try {
			listener();
		} catch (error) {
			report(error);
		}
	};
	const swap = async (): Promise<boolean> => {
		seen = await fileState(file);
		const read = await options.read(current.version + 1);
		const previous = current;
		const next = keepUnchanged(previous, read.snapshot);
		if (closed || next === previous) return false;
		reading = read;
		current = next;
		for (const listener of [...listeners, options.onSwapped]) tell(() => listener?.(next, previous));
		return true;
	};
	const reload = inTurn(() =>
		swap().catch((error: unknown) => {
			report(error);
			return false;
		}),
	);
	const reloadIfChanged = async (): Promise<void> => {
		const state = await fileState(file);
		if (!closed && state !== seen) await reload();
	};
	const isFollowed = options.isFollowed ?? true;
	const stopFollowing = isFollowed ? follow(dirname(file), () => void reloadIfChanged()) : () => undefined;

	return {
		current: () => current,
		onChange: (listener) => void listeners.push(listener),
		reading: () => reading,
		reload,
		close() {
			closed = true;
			stopFollowing();
		},
	};
}

/** Runs a task after the one before it: the older of two overlapping readings must not win. */
function inTurn<T>(task: () => Promise<T>): () => Promise<T> {
	let last: Promise<unknown> = Promise.resolve();
	return () => {
		const turn = last.then(task);
		last = turn.catch(() => undefined);
		return turn;
	};
}

/** Calls `look` when something in the folder has settled, and now and then. Returns what stops it. */
function follow(folder: string, look: () => void): () => void {
	let settle: NodeJS.Timeout | undefined;
	const lookSoon = () => {
		clearTimeout(settle);
		settle = setTimeout(look, SETTLE_MS).unref();
	};
	const stopWatching = watchFolder(folder, lookSoon);
	const poll = setInterval(look, POLL_MS).unref();
	return () => {
		stopWatching();
		clearTimeout(settle);
		clearInterval(poll);
	};
}

/** Watches the folder, not the file: an editor that replaces the file would leave a watch on the old one. */
function watchFolder(folder: string, onEvent: () => void): () => void {
	try {
		const watcher = watch(folder, { persistent: false }, onEvent);
		// The poll goes on without it, as it does where watches have run out.
		watcher.on('error', () => watcher.close());
		return () => watcher.close();
	} catch {
		return () => undefined;
	}
}

/** Changes whenever the file is written or replaced; follows links, as Kubernetes swaps one to update a file. */
async function fileState(file: string): Promise<string> {
	const state = await stat(file, { bigint: true }).catch(() => undefined);
	return state === undefined ? 'absent' : `${state.dev}:${state.ino}:${state.size}:${state.mtimeNs}:${state.ctimeNs}`;
}
