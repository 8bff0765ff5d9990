import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import type { PgConnection } from '../../src/store/embedded/start-cluster.ts';

const DIST = resolve(import.meta.dirname, '../../dist/store');

/** One statement on a connection of its own. */
export async function ask(connection: PgConnection, text: string): Promise<Record<string, unknown>[]> {
	const client = new pg.Client(connection);
	// A server that is killed tells its clients; without a listener that would end the test.
	client.on('error', () => undefined);
	await client.connect();
	try {
		return (await client.query(text)).rows as Record<string, unknown>[];
	} finally {
		await client.end();
	}
}

/** Command lines of the servers that run on this data. */
export function serversOn(data: string): readonly string[] {
	const lines = execFileSync('ps', ['axww', '-o', 'args='], { encoding: 'utf8' }).split('\n');
	return lines.filter((line) => line.includes('/bin/postgres ') && line.includes(` ${data} `));
}

/** Owns the folder, runs its database, says what it finds there, and writes numbers until it is killed. */
const GATEWAY = `
	import pg from 'pg';
	import { lockFolder } from '${DIST}/folder-lock.js';
	import { startEmbedded } from '${DIST}/embedded/start-embedded.js';
	const folder = process.argv[1];
	lockFolder(folder);
	const database = await startEmbedded({ folder });
	console.log('pid ' + database.pid);
	const client = new pg.Client(database.connections.owner);
	client.on('error', () => undefined);
	await client.connect();
	await client.query('create table if not exists public.written (number int primary key)');
	const { rows } = await client.query('select coalesce(max(number), 0) as last, count(*)::int as count from public.written');
	console.log('found ' + rows[0].count);
	for (let number = rows[0].last + 1; ; number++) {
		await client.query('insert into public.written values ($1)', [number]);
		console.log('wrote ' + number);
	}
`;

/** A process that runs a database like a gateway does. */
export interface GatewayLike {
	readonly child: ChildProcess;
	/** Numbers said so far: of the server process, of rows found, and the last one that was acknowledged. */
	readonly said: { pid: number; found: number; wrote: number };
	/** Resolves once it has said a word with at least this number; fails when it ends first. */
	until(word: 'pid' | 'found' | 'wrote', least?: number): Promise<void>;
	/** What it wrote to stderr. */
	errors(): string;
	/** `kill -9`; resolves when it is gone and all it said was read. */
	kill(): Promise<void>;
}

/** Starts it on this folder, with `privileges` taken away or given by setpriv. */
export function startGatewayLike(folder: string, privileges: readonly string[] = []): GatewayLike {
	const program = [process.execPath, '--input-type=module', '--eval', GATEWAY, folder];
	const [command = '', ...args] = privileges.length > 0 ? ['/usr/bin/setpriv', ...privileges, ...program] : program;
	const child = spawn(command, args, { cwd: resolve(import.meta.dirname, '../..'), stdio: ['ignore', 'pipe', 'pipe'] });
	let errors = '';
	child.stderr.setEncoding('utf8').on('data', (text: string) => {
		errors += text;
	});
	const said = { pid: 0, found: -1, wrote: 0 };
	const closed = once(child, 'close');
	const lines = createInterface(child.stdout);
	lines.on('line', (line) => {
		const [word = '', number] = line.split(' ');
		Object.assign(said, { [word]: Number(number) });
	});
	return {
		child,
		said,
		errors: () => errors,
		async until(word, least = 0) {
			for (const end = closed.then(() => true); said[word] < least || (word === 'pid' && said.pid === 0); ) {
				const ended = await Promise.race([once(lines, 'line').then(() => false), end]);
				if (ended) throw new Error(`the process ended before it said ${word}: ${errors}`);
			}
		},
		async kill() {
			child.kill('SIGKILL');
			await closed;
		},
	};
}
