import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { startFakeDirectory } from '../../test/fakes/directory.ts';
import { type Front, startFront } from './front.ts';

const MAIN = path.resolve(import.meta.dirname, '../../dist/main.js');
const READY_MS = 20_000;
const STOP_MS = 10_000;
const GROUP = 'conformance';
const WORKSPACE = 'conformance';

/** The built gateway, running as an operator runs it, behind a front that signs its callers in. */
export interface Gateway {
	/** Address of one server, for a caller without a token. It names `localhost`, as a scenario about hosts demands. */
	urlOf(server: string): string;
	close(): Promise<void>;
}

/** Starts the built gateway over these servers (as `portcullis.yaml` has them), with a directory that signs its tokens. */
export async function startGateway(servers: Readonly<Record<string, object>>, folder: string): Promise<Gateway> {
	const directory = await startFakeDirectory();
	const configFile = path.join(folder, 'portcullis.yaml');
	const workspaces = { [WORKSPACE]: { servers } };
	const grants = [{ group: GROUP, workspace: WORKSPACE, access: 'write' }];
	writeFileSync(configFile, JSON.stringify({ directories: [directory.directory], workspaces, grants }));
	const child = spawnGateway(configFile, folder);
	const front = await untilReady(child)
		.then((gatewayUrl) => startFront({ gatewayUrl, token: directory.token({ groups: [GROUP] }) }))
		.catch((error) => giveUp(error, { child, close: directory.close }));
	return {
		urlOf: (server) => `http://localhost:${front.port}/w/${WORKSPACE}/s/${server}/mcp`,
		async close() {
			await front.close();
			await end(child);
			await directory.close();
		},
	};
}

function spawnGateway(configFile: string, folder: string): ChildProcess {
	const dataFolder = path.join(folder, 'data');
	mkdirSync(dataFolder, { recursive: true });
	const child = spawn(process.execPath, [MAIN, 'serve', '--port', '0', '--admin-port', '0'], {
		cwd: folder,
		stdio: ['ignore', 'pipe', 'inherit'],
		env: {
			PATH: process.env['PATH'],
			HOME: process.env['HOME'],
			PORTCULLIS_CONFIG: configFile,
			PORTCULLIS_DATA: dataFolder,
			PORTCULLIS_LOG_LEVEL: process.env['PORTCULLIS_LOG_LEVEL'] ?? 'error',
		},
	});
	return child;
}

/** Resolves with the address the gateway prints when it listens. */
async function untilReady(child: ChildProcess): Promise<string> {
	const settled = new AbortController();
	const url = new Promise<string>((resolve) => {
		if (!child.stdout) return;
		createInterface({ input: child.stdout }).on('line', (line) => {
			const ready = /^Portcullis is ready: (http:\S+)$/.exec(line);
			if (ready?.[1]) resolve(ready[1]);
			else process.stderr.write(`${line}\n`);
		});
	});
	const { signal } = settled;
	const ended = once(child, 'exit', { signal }).then(() => undefined);
	const late = sleep(READY_MS, undefined, { signal });
	const found = await Promise.race([url, ended, late]);
	settled.abort();
	await Promise.allSettled([ended, late]);
	if (found === undefined) throw new Error('the gateway ended, or was not ready in time');
	return found;
}

async function giveUp(error: unknown, parts: { child: ChildProcess; close(): Promise<void> }): Promise<Front> {
	await end(parts.child);
	await parts.close();
	throw error;
}

/** Asks a process to end, and ends it when it does not. */
async function end(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const exited = once(child, 'exit').then(() => true);
	child.kill('SIGTERM');
	if (!(await Promise.race([exited, sleep(STOP_MS, false, { ref: false })]))) child.kill('SIGKILL');
	await exited;
}
