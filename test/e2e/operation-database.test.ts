import { renameSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { legacy, type PlainAnswer, post } from '../fakes/gateway.ts';
import { readPlaces, serverPid } from '../fakes/recorded.ts';
import { readStdioLog, stdioServer } from '../fakes/upstream.ts';
import { codeOf, textOf, until } from './failure-calls.ts';
import { isRunning, openWorkbench, type ServingProcess, serve, type Workbench } from './operation-process.ts';

/** PostgreSQL waits for the disk when it recovers. */
const RECOVERY_MS = 30_000;

let bench: Workbench;

beforeEach(async () => {
	bench = await openWorkbench();
	configure('CHILD');
});
afterEach(() => bench.close());

function configure(canary: string): void {
	const child = { transport: 'stdio', ...stdioServer({ canary, logPath: bench.path('child.jsonl') }) };
	bench.configure({
		workspaces: { google: { servers: { child } } },
		grants: [{ group: 'G', workspace: 'google', access: 'write' }],
	});
}

function call(gateway: ServingProcess, tool: string, args: object): Promise<PlainAnswer> {
	const headers = { authorization: `Bearer ${bench.directory.token({ groups: ['G'] })}` };
	return post(`${gateway.url}/w/google/s/child/mcp`, legacy('tools/call', { name: tool, arguments: args }), headers);
}

const echo = async (gateway: ServingProcess, text: string): Promise<string | undefined> =>
	textOf(await call(gateway, 'echo', { text }));
const isReady = async (gateway: ServingProcess): Promise<boolean> =>
	(await fetch(`${gateway.operatorUrl}/readyz`)).status === 200;
const childHas = (tool: string): boolean => readStdioLog(bench.path('child.jsonl')).some(({ name }) => name === tool);

/** Kinds and outcomes of the calls in the database, in order; the spool must have none that is not there. */
async function shippedCalls(): Promise<readonly unknown[]> {
	const { shipped, waiting } = await readPlaces(bench.dataFolder);
	expect(waiting).toEqual([]);
	const lines = shipped.map((line) => JSON.parse(line) as Record<string, unknown>);
	return lines.filter(({ tool }) => tool !== undefined).map(({ kind, outcome }) => outcome ?? kind);
}

async function stop(gateway: ServingProcess): Promise<void> {
	gateway.signal('SIGTERM');
	expect(await gateway.exit).toEqual({ code: 0, signal: null });
}

describe('a gateway whose database is killed', () => {
	it('answers meanwhile, starts it again, follows its file as before, and has recorded every call', async () => {
		const gateway = await serve(bench);
		expect(await echo(gateway, '1')).toBe('CHILD: 1');
		for (const round of [1, 2]) {
			process.kill(serverPid(bench.dataFolder)!, 'SIGKILL');
			expect(await echo(gateway, `${round}`)).toBe(`CHILD: ${round}`);
			expect(await isReady(gateway)).toBe(true);
			await until(() => gateway.stderr().split('the database runs again').length === round + 1, RECOVERY_MS);
		}
		configure('CHANGED');
		await until(async () => (await echo(gateway, '3')) === 'CHANGED: 3');
		await stop(gateway);
		const calls = await shippedCalls();
		expect(calls.length).toBeGreaterThanOrEqual(8);
		expect(calls).toEqual(Array.from({ length: calls.length / 2 }, () => ['intent', 'ok']).flat());
	});

	it('refuses calls once its configuration is too old, and takes up its file when the database can be started again', async () => {
		const gateway = await serve(bench, { PORTCULLIS_STALE_MS: '5000' });
		expect(await echo(gateway, '1')).toBe('CHILD: 1');
		const control = `${bench.dataFolder}/postgres/data/global/pg_control`;
		renameSync(control, `${control}.away`);
		process.kill(serverPid(bench.dataFolder)!, 'SIGKILL');
		expect(await echo(gateway, '2')).toBe('CHILD: 2');
		await until(async () => !(await isReady(gateway)));
		expect(codeOf(await call(gateway, 'echo', { text: '3' }))).toBe('PC_CONFIGURATION_STALE');
		expect(gateway.stderr()).toContain('the database does not start yet');
		configure('CHANGED');
		await until(() => gateway.stderr().includes('the configuration stays as it was'));
		renameSync(`${control}.away`, control);
		await until(() => gateway.stderr().includes('configuration swapped'), RECOVERY_MS);
		expect(await echo(gateway, '4')).toBe('CHANGED: 4');
		await stop(gateway);
		expect(await shippedCalls()).toEqual(['intent', 'ok', 'intent', 'ok', 'intent', 'ok']);
	});
});

describe('Ctrl-C', () => {
	it.each([
		['at a terminal', 1],
		['under npm, which passes it on once more', 2],
	])('%s ends the gateway after the last call, and every record is in the database', async (_, times) => {
		const gateway = await serve(bench);
		const slow = call(gateway, 'slow', { ms: 700 });
		await until(() => childHas('slow'));
		const database = serverPid(bench.dataFolder)!;
		for (let time = 0; time < times; time++) {
			gateway.signalGroup('SIGINT');
			await until(() => gateway.stderr().includes('draining'));
		}
		expect(textOf(await slow)).toBe('CHILD: slow done');
		expect(await gateway.exit).toEqual({ code: 0, signal: null });
		expect(isRunning(database)).toBe(false);
		// Nothing but information: nobody was cut off.
		expect(gateway.stderr()).not.toMatch(/"level":[456]0/);
		expect(await shippedCalls()).toEqual(['intent', 'ok']);
	});
});

describe('a data folder', () => {
	it('has one gateway, and says so to a second; without a file the next one is configured by what is in it', async () => {
		const gateway = await serve(bench);
		const second = await bench.run(['serve', '--port', '0', '--admin-port', '0']);
		expect([second.code, second.out]).toEqual([1, '']);
		expect(second.err).toBe(
			`Another process uses the data folder .portcullis (process ${gateway.pid}); stop it, or set PORTCULLIS_DATA to a folder of its own.\n`,
		);
		expect(await echo(gateway, '1')).toBe('CHILD: 1');
		await stop(gateway);
		rmSync(bench.path('portcullis.yaml'));
		const next = await serve(bench);
		expect(await echo(next, '2')).toBe('CHILD: 2');
		await stop(next);
		expect(await shippedCalls()).toEqual(['intent', 'ok', 'intent', 'ok']);
	});
});
