import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { type FakeDirectory, startFakeDirectory } from './directory.ts';
import type { ConfigInput } from './gateway.ts';
import { openFolder } from './postgres.ts';
import { prepareData } from './prepared-data.ts';
import { endDatabase, readEverythingStored, readRecorded, readSpool } from './recorded.ts';

/** The gateway as its operator runs it: a process of its own, all it prints and writes kept. */
export interface GatewayProcess {
	readonly url: string;
	readonly operatorUrl: string;
	readonly directory: FakeDirectory;
	/** Where it keeps what it writes, its database among it. */
	readonly folder: string;
	/** Everything written to stdout and stderr so far. */
	output(): string;
	/** The records of a gateway that runs, as text. */
	spooled(): string;
	/** The records of one that has ended, as its database has them, as text. */
	audit(): Promise<string>;
	/** Everything that one that has ended has stored, as text. */
	stored(): Promise<string>;
	/** Ends it with SIGTERM; resolves with its exit code. */
	stop(): Promise<number | null>;
	/** Removes what it left. */
	close(): Promise<void>;
}

const MAIN = resolve(import.meta.dirname, '../../dist/main.js');

/** Which gateway to run, and how much it says. */
export interface GatewayProcessOptions {
	/** Compiled entry point; the one of the build unless told. */
	readonly main?: string | undefined;
	/** `trace`, which is all there is, unless told. */
	readonly logLevel?: string;
}

/** Starts the built gateway with this configuration and exactly this environment. */
export async function startGatewayProcess(
	config: ConfigInput,
	env: Record<string, string>,
	{ main = MAIN, logLevel = 'trace' }: GatewayProcessOptions = {},
): Promise<GatewayProcess> {
	const folder = openFolder('portcullis-process-');
	await prepareData(folder);
	const directory = await startFakeDirectory();
	const file = join(folder, 'portcullis.yaml');
	writeFileSync(file, stringify({ directories: [directory.directory], ...config }));
	const settings = { PORTCULLIS_DATA: folder, PORTCULLIS_LOG_LEVEL: logLevel, PORTCULLIS_CONFIG: file };
	const ports = ['--port', '0', '--admin-port', '0'];
	const child = spawn(process.execPath, [main, 'serve', ...ports], { cwd: folder, env: { ...env, ...settings } });
	const exited = once(child, 'exit') as Promise<[number | null]>;
	let output = '';
	const keep = (chunk: string): void => {
		output += chunk;
	};
	child.stdout.setEncoding('utf8').on('data', keep);
	child.stderr.setEncoding('utf8').on('data', keep);
	const { port, adminPort } = await Promise.race([
		listening(child.stderr),
		exited.then(([code]) => Promise.reject(new Error(`the gateway ended with ${code}: ${output}`))),
	]);
	return {
		url: `http://127.0.0.1:${port}`,
		operatorUrl: `http://127.0.0.1:${adminPort}`,
		directory,
		folder,
		output: () => output,
		spooled: () => readSpool(folder).join('\n'),
		audit: async () => (await readRecorded(folder)).join('\n'),
		stored: () => readEverythingStored(folder),
		async stop() {
			child.kill('SIGTERM');
			const [code] = await exited;
			return code;
		},
		async close() {
			child.kill('SIGKILL');
			await exited;
			await endDatabase(folder);
			await directory.close();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

interface Listening {
	readonly port: number;
	readonly adminPort: number;
}

async function listening(log: NodeJS.ReadableStream): Promise<Listening> {
	const lines = createInterface({ input: log });
	return new Promise((resolve) => {
		lines.on('line', (line) => {
			if (line.includes('"listening"')) resolve(JSON.parse(line) as Listening);
		});
	});
}
