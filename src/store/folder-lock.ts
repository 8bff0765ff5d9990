import { randomUUID } from 'node:crypto';
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	renameSync,
	rmSync,
	statSync,
	utimesSync,
	writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { StartError } from './start-error.ts';

/** The data folder belongs to this process until it is released or the process ends. */
export interface FolderLock {
	release(): void;
}

interface Owner {
	readonly pid: number;
	/** When the process began: its number may be another's by now. */
	readonly started: string;
	/** The processes that can be looked up from where it runs; a container has its own. */
	readonly processes: string;
	/** Never used twice. */
	readonly id: string;
}

interface Found extends Owner {
	/** Milliseconds since it was last touched. */
	readonly ageMs: number;
}

const BEAT_MS = 5_000;
/** An owner whose process cannot be looked up counts as gone when it has not touched its file for so long. */
const SILENT_MS = 20_000;

/**
 * Makes this process the owner of the folder, in `owner.json`; what a dead owner left is taken over, by one process even
 * when many try. Throws `PC_DATA_FOLDER_TAKEN`.
 */
export function lockFolder(folder: string): FolderLock {
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	const file = join(folder, 'owner.json');
	const me = describeSelf();
	const other = take(file, me);
	if (other !== undefined) throw taken(folder, other);
	removeClaims(file);
	const beat = setInterval(touch, BEAT_MS, file).unref();
	return {
		release() {
			clearInterval(beat);
			if (readOwner(file)?.id === me.id) rmSync(file, { force: true });
		},
	};
}

/** Process id of whoever owns the folder now, in its own count of processes; `undefined`: nobody does. */
export function ownerOf(folder: string): number | undefined {
	const found = readOwner(join(folder, 'owner.json'));
	return found !== undefined && isAlive(found) ? found.pid : undefined;
}

/**
 * `undefined` when `me` owns the file now, else who does. A dead owner's file is replaced only while holding a claim, a file
 * of the same kind that is named after that owner's id: between reading and replacing nobody else can have replaced it. A
 * claim whose holder died is claimed in turn.
 */
function take(file: string, me: Owner): Owner | undefined {
	for (;;) {
		if (create(file, me)) return undefined;
		const found = readOwner(file);
		if (found === undefined) continue;
		if (isAlive(found)) return found;
		const claim = `${file}.${found.id}`;
		const rival = take(claim, me);
		if (rival !== undefined) return rival;
		const unchanged = readOwner(file)?.id === found.id;
		if (unchanged) replace(file, me);
		rmSync(claim, { force: true });
		if (unchanged) return undefined;
	}
}

function create(file: string, me: Owner): boolean {
	try {
		writeFileSync(file, JSON.stringify(me), { flag: 'wx', mode: 0o600 });
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
		throw error;
	}
}

function replace(file: string, me: Owner): void {
	const next = `${file}.next-${me.id}`;
	writeFileSync(next, JSON.stringify(me), { mode: 0o600 });
	renameSync(next, file);
}

// Claims are of owners before us, so they mean nothing any more; their holders, alive or dead, lose nothing.
function removeClaims(file: string): void {
	const prefix = `${basename(file)}.`;
	for (const name of readdirSync(dirname(file))) {
		if (name.startsWith(prefix) && !name.includes('.next-')) rmSync(join(dirname(file), name), { force: true });
	}
}

function touch(file: string): void {
	try {
		utimesSync(file, new Date(), new Date());
	} catch {
		// The folder was taken away: whatever writes to it will say so.
	}
}

/** `undefined` when there is no file. One without sense is being written, or its writer died: its age tells. */
function readOwner(file: string): Found | undefined {
	const stat = statSync(file, { throwIfNoEntry: false });
	if (stat === undefined) return undefined;
	const ageMs = Math.abs(Date.now() - stat.mtimeMs);
	try {
		return { ...(JSON.parse(readFileSync(file, 'utf8')) as Owner), ageMs };
	} catch {
		return { pid: 0, started: '', processes: '', id: `${stat.ino}-${stat.mtimeMs}`, ageMs };
	}
}

function isAlive(owner: Found): boolean {
	return owner.processes === visibleProcesses() ? isRunning(owner) : owner.ageMs < SILENT_MS;
}

function describeSelf(): Owner {
	const { pid } = process;
	return { pid, started: ownStart(), processes: visibleProcesses(), id: randomUUID() };
}

const hasProc = (): boolean => existsSync('/proc/self/stat');

const ownStart = (): string => (hasProc() ? startInProc(process.pid) : undefined) ?? String(performance.timeOrigin);

/** Without /proc only the start of this process is known: of another one it must do that the number is in use. */
function isRunning({ pid, started }: Owner): boolean {
	if (hasProc()) return startInProc(pid) === started;
	if (pid === process.pid) return started === ownStart();
	try {
		return process.kill(pid, 0);
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === 'EPERM';
	}
}

/** Start of a process in clock ticks since boot (proc(5), stat field 22); `undefined` when there is none or it has died. */
function startInProc(pid: number): string | undefined {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
		// The name, in parentheses, may hold anything.
		const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
		return state === 'Z' || state === 'X' ? undefined : rest[18];
	} catch {
		return undefined;
	}
}

/** Which processes can be looked up from here: those of one boot, and of one container. */
function visibleProcesses(): string {
	try {
		return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
	} catch {
		return hostname();
	}
}

function taken(folder: string, { pid, processes }: Owner): StartError {
	const who = processes === visibleProcesses() ? `process ${pid}` : 'in another container, or stopped a moment ago';
	return new StartError(
		'PC_DATA_FOLDER_TAKEN',
		`Another process uses the data folder ${folder} (${who}); stop it, or set PORTCULLIS_DATA to a folder of its own.`,
	);
}
