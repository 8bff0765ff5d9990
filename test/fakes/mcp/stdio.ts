import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { FixtureOptions } from './behaviour.mjs';

/** Options of the stdio build; they travel in argv, so never put a secret here. */
export interface StdioOptions extends FixtureOptions {
	/** Absent: both eras, told apart by each message. */
	era?: 'modern' | 'legacy';
	/** Environment of the process, as a configuration would give it. */
	env?: Readonly<Record<string, string>>;
	/** File that receives one JSON line per event; read it with `readStdioLog`. */
	logPath?: string;
	/** A line of no JSON before every line of output. */
	noise?: string;
	/** Written to stderr at start. */
	stderrText?: string;
	/** Ends at once with this exit code. */
	exitAtStart?: number;
	ignoreSigterm?: boolean;
	/** Stays alive when stdin ends. */
	ignoreEof?: boolean;
	/** Starts a child of its own that sleeps for five minutes and holds stdout open. */
	grandchild?: boolean;
}

/** How a configuration starts the stdio build. */
export interface StdioCommand {
	readonly command: string;
	readonly args: readonly string[];
	readonly env: Readonly<Record<string, string>>;
}

/** One line of the log of a stdio server: `start`, `request`, `cancelled`, `grandchild`, `sigterm` or `eof`. */
export interface StdioEvent {
	readonly event: 'start' | 'request' | 'cancelled' | 'grandchild' | 'sigterm' | 'eof';
	readonly pid?: number;
	readonly method?: string;
	readonly name?: string;
	readonly body?: unknown;
}

const SCRIPT = fileURLToPath(new URL('./stdio-server.mjs', import.meta.url));

/** The command, arguments and environment that start a stdio server with these options. */
export function stdioServer({ env = {}, ...options }: StdioOptions = {}): StdioCommand {
	return { command: process.execPath, args: [SCRIPT, JSON.stringify(options)], env };
}

/** What a stdio server with this `logPath` has recorded so far; nothing when it never started. */
export function readStdioLog(logPath: string): StdioEvent[] {
	const text = readLog(logPath);
	return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as StdioEvent]));
}

function readLog(logPath: string): string {
	try {
		return readFileSync(logPath, 'utf8');
	} catch {
		return '';
	}
}
