import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The gateway as a process, between two starts on one data folder. */
export interface HistoryGateway {
	/** Its address, once it is ready; `undefined` when it ended before. */
	readonly ready: Promise<string | undefined>;
	/** Exit code, or the name of the signal that ended it. */
	readonly exited: Promise<number | NodeJS.Signals>;
	signal(name: NodeJS.Signals): void;
	/** What it printed and logged. */
	output(): string;
}

const MAIN = resolve(import.meta.dirname, '../../dist/main.js');

/** Starts `serve` in this folder, which holds its configuration and its data. */
export function startHistoryGateway(
	folder: string,
	env: Readonly<Record<string, string>>,
	main: string = MAIN,
): HistoryGateway {
	const settings = { PORTCULLIS_DATA: join(folder, 'data'), PORTCULLIS_LOG_LEVEL: 'error' };
	const args = [main, 'serve', '--port', '0', '--admin-port', '0'];
	const child = spawn(process.execPath, args, {
		cwd: folder,
		env: { ...env, ...settings },
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	const exited = once(child, 'close').then(([code, signal]) => code ?? signal) as Promise<number | NodeJS.Signals>;
	let output = '';
	const ready = new Promise<string>((done) => {
		const keep = (chunk: string): void => {
			output += chunk;
			const url = /is ready: (http:\S+)\n/.exec(output)?.[1];
			if (url !== undefined) done(url);
		};
		child.stdout.setEncoding('utf8').on('data', keep);
		child.stderr.setEncoding('utf8').on('data', keep);
	});
	return {
		ready: Promise.race([ready, exited.then(() => undefined)]),
		exited,
		signal: (name) => void child.kill(name),
		output: () => output,
	};
}

/** What lies in the spool of this folder. */
export interface SpoolState {
	/** Bytes that the database does not have yet. */
	readonly unshippedBytes: number;
	/** Records that the database would never take. */
	readonly setAside: number;
}

/** Looks into the spool; the gateway may be running. */
export function readSpool(folder: string): SpoolState {
	const spool = join(folder, 'data/spool');
	const names = existsSync(spool) ? readdirSync(spool) : [];
	const { segment, offset } = names.includes('shipped.json')
		? (JSON.parse(readFileSync(join(spool, 'shipped.json'), 'utf8')) as { segment: number; offset: number })
		: { segment: 0, offset: 0 };
	let unshippedBytes = 0;
	for (const name of names.filter((each) => /^\d{10}\.jsonl$/.test(each))) {
		const number = Number.parseInt(name, 10);
		const bytes = statSync(join(spool, name), { throwIfNoEntry: false })?.size ?? 0;
		if (number >= segment) unshippedBytes += number === segment ? bytes - offset : bytes;
	}
	const refused = names.includes('refused.jsonl') ? readFileSync(join(spool, 'refused.jsonl'), 'utf8') : '';
	return { unshippedBytes, setAside: refused.split('\n').length - 1 };
}
