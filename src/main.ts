#!/usr/bin/env node
import { join } from 'node:path';
import { createApp } from './app.ts';
import { createFileRecord } from './audit/file-record.ts';
import type { Serving } from './cli/command.ts';
import { createProgram } from './cli/program.ts';
import { childVariables, type Environment } from './config/environment.ts';
import { createSnapshotSource } from './config/snapshot-source.ts';
import { createLog } from './observe/log.ts';

/** Runs the gateway until SIGTERM or SIGINT: config → app → listen → signal → drain. */
async function serve(environment: Environment): Promise<Serving> {
	const log = createLog(environment.logLevel);
	const snapshots = await createSnapshotSource({
		file: environment.configFile,
		env: process.env,
		onSwapped: ({ version }) => log.info({ version }, 'configuration swapped'),
		onFaults: (error) => log.error(`configuration kept as it was:\n${error.message}`),
	});
	const childEnv = childVariables(process.env);
	const records = createFileRecord(join(environment.dataFolder, 'audit.jsonl'));
	const app = createApp({ snapshots, records, childEnv, log });
	const { front, operator } = await app.listen({
		public: { host: environment.host, port: environment.port },
		operator: { host: environment.adminHost, port: environment.adminPort },
	});
	const onHangup = (): void => {
		app.reopen();
		void snapshots.reload();
	};
	process.on('SIGHUP', onHangup);
	log.info({ port: front.port, adminPort: operator.port }, 'listening');

	const stopped = nextSignal().then(async (signal) => {
		log.info({ signal }, 'draining');
		app.beginDrain();
		await front.drain(AbortSignal.timeout(snapshots.current().limits.drainMs));
		await app.close();
		records.close();
		await operator.drain(AbortSignal.abort());
		process.off('SIGHUP', onHangup);
		log.info('stopped');
	});
	return { port: front.port, stopped };
}

// A second signal means it: the process ends at once, and with it its children.
function nextSignal(): Promise<NodeJS.Signals> {
	return new Promise((resolve) => {
		for (const signal of ['SIGTERM', 'SIGINT'] as const) {
			process.once(signal, () => {
				resolve(signal);
				process.once(signal, () => process.exit(1));
			});
		}
	});
}

await createProgram({ env: process.env, serve }).parseAsync();
