import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A Redis of the tests, in memory alone. */
export interface TestRedis {
	/** Address, with its password. */
	readonly url: string;
	readonly password: string;
	/** Ends it without a word, with all it knew. */
	kill(): Promise<void>;
	/** Starts it at the same address. */
	start(): Promise<void>;
	close(): Promise<void>;
}

const PLACES = ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/opt/homebrew/bin/redis-server'];

/** The Redis of this machine, or none. */
export function machineRedis(): string | undefined {
	return PLACES.find((path) => existsSync(path));
}

/** Starts one on a free port of 127.0.0.1; ask `machineRedis()` first. */
export async function startTestRedis(): Promise<TestRedis> {
	const program = machineRedis();
	if (program === undefined) throw new Error('this machine has no redis-server; ask machineRedis()');
	const port = await freePort();
	const password = 'canary-of-redis';
	let child: ChildProcess | undefined;
	const kill = async (): Promise<void> => {
		const ending = child;
		child = undefined;
		if (ending === undefined) return;
		ending.kill('SIGKILL');
		await once(ending, 'exit');
	};
	const start = async (): Promise<void> => {
		const where = ['--port', String(port), '--bind', '127.0.0.1', '--requirepass', password];
		child = spawn(program, [...where, '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
		while (!(await isListening(port))) await sleep(20);
	};
	await start();
	return { url: `redis://:${password}@127.0.0.1:${port}`, password, kill, start, close: kill };
}

async function freePort(): Promise<number> {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	server.close();
	await once(server, 'close');
	return port;
}

function isListening(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect(port, '127.0.0.1');
		const end = (is: boolean) => (): void => {
			socket.destroy();
			resolve(is);
		};
		socket.once('connect', end(true)).once('error', end(false));
	});
}
