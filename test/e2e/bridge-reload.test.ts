import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readStdioLog, stdioServer } from '../fakes/upstream.ts';
import { askBridge, type BridgeProcess, startBridge, writeServers } from './bridge-process.ts';
import { isRunning, openWorkbench, type Workbench } from './operation-process.ts';

let bench: Workbench;
beforeEach(async () => {
	bench = await openWorkbench();
});
afterEach(() => bench.close());

const PATIENCE = { timeout: 20_000 };
const logOf = (name: string): string => bench.path(`${name}.jsonl`);
const entry = (canary: string) => stdioServer({ canary, logPath: logOf(canary) });
const pidsOf = (canary: string): readonly number[] =>
	readStdioLog(logOf(canary)).flatMap(({ event, pid }) => (event === 'start' && pid !== undefined ? [pid] : []));

const KEY = 'k-77aa-bridge';
const start = (...args: readonly string[]): Promise<BridgeProcess> =>
	startBridge(bench, ['--api-key', KEY, '--host', '127.0.0.1', ...args]);
const whoIs = async (bridge: BridgeProcess, name: string) => {
	const { status, text } = await askBridge(bridge.url, { path: `/${name}/echo`, body: { text: 'x' }, key: KEY });
	return status === 200 ? text : status;
};
const listed = async (bridge: BridgeProcess) =>
	JSON.parse((await askBridge(bridge.url, { path: '/openapi.json' })).text).info.description;

describe('a file that changes while a bridge runs', () => {
	it('ends what it names no more, replaces what it names otherwise, and leaves the rest alone', async () => {
		const config = writeServers(bench, { kept: entry('KEPT'), changed: entry('OLD'), gone: entry('GONE') });
		const bridge = await start('--config', config, '--hot-reload');
		expect([await whoIs(bridge, 'kept'), await whoIs(bridge, 'changed'), await whoIs(bridge, 'gone')]).toEqual([
			expect.stringContaining('KEPT'),
			expect.stringContaining('OLD'),
			expect.stringContaining('GONE'),
		]);
		const old = [...pidsOf('OLD'), ...pidsOf('GONE')];
		expect(old).toHaveLength(2);

		writeServers(bench, { kept: entry('KEPT'), changed: entry('NEW'), added: entry('ADDED') });
		await expect.poll(() => whoIs(bridge, 'gone'), PATIENCE).toBe(404);
		for (const path of ['/gone/openapi.json', '/gone/docs']) {
			expect((await askBridge(bridge.url, { path })).status).toBe(404);
		}
		const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
		expect((await askBridge(bridge.url, { path: '/gone/mcp', body: ping, key: KEY })).status).toBe(404);
		expect(await whoIs(bridge, 'changed')).toContain('NEW');
		expect(await whoIs(bridge, 'added')).toContain('ADDED');
		expect(await whoIs(bridge, 'kept')).toContain('KEPT');
		expect(await listed(bridge)).toMatch(/kept.*changed.*added/s);
		expect(await listed(bridge)).not.toContain('gone');
		await expect.poll(() => old.filter(isRunning), PATIENCE).toEqual([]);
		expect(pidsOf('KEPT')).toHaveLength(1);
		expect(pidsOf('KEPT').filter(isRunning)).toHaveLength(1);
	});

	it('takes a tool away at once', async () => {
		const config = writeServers(bench, { files: entry('FILES') });
		const bridge = await start('--config', config, '--hot-reload');
		expect(await whoIs(bridge, 'files')).toContain('FILES');
		writeServers(bench, { files: { ...entry('FILES'), disabledTools: ['echo'] } });
		await expect.poll(() => whoIs(bridge, 'files'), PATIENCE).toBe(404);
		expect(pidsOf('FILES')).toHaveLength(1);
	});

	it('changes nothing when it is faulty, and says why', async () => {
		const config = writeServers(bench, { files: entry('FILES') });
		const bridge = await start('--config', config, '--hot-reload');
		expect(await whoIs(bridge, 'files')).toContain('FILES');
		writeServers(bench, { files: { type: 'sse' }, other: entry('OTHER') });
		await expect
			.poll(() => bridge.stderr(), PATIENCE)
			.toContain("servers kept as they were: Server 'files' of type 'sse' requires a 'url' field");
		writeFileSync(config, '{"mcpServers": ');
		await expect.poll(() => bridge.stderr(), PATIENCE).toContain('Invalid JSON in config file');
		expect(await whoIs(bridge, 'files')).toContain('FILES');
		expect(await whoIs(bridge, 'other')).toBe(404);
		writeServers(bench, { other: entry('OTHER') });
		await expect.poll(() => whoIs(bridge, 'other'), PATIENCE).toContain('OTHER');
		expect(await whoIs(bridge, 'files')).toBe(404);
	});

	it('serves nothing any more when it comes to name nothing', async () => {
		const config = writeServers(bench, { files: entry('FILES') });
		const bridge = await start('--config', config, '--hot-reload');
		expect(await whoIs(bridge, 'files')).toContain('FILES');
		writeServers(bench, {});
		await expect.poll(() => whoIs(bridge, 'files'), PATIENCE).toBe(404);
		await expect.poll(() => pidsOf('FILES').filter(isRunning), PATIENCE).toEqual([]);
	});

	it('is seen behind links that are swapped, as Kubernetes does it', async () => {
		const version = (name: string, servers: object): void => {
			mkdirSync(bench.path(name));
			writeServers(bench, servers, `${name}/config.json`);
			symlinkSync(name, bench.path('..next'));
			renameSync(bench.path('..next'), bench.path('..data'));
		};
		version('..1', { files: entry('FILES') });
		symlinkSync('..data/config.json', bench.path('config.json'));
		const bridge = await start('--config', bench.path('config.json'), '--hot-reload');
		expect(await whoIs(bridge, 'files')).toContain('FILES');
		version('..2', { other: entry('OTHER') });
		await expect.poll(() => whoIs(bridge, 'files'), PATIENCE).toBe(404);
		expect(await whoIs(bridge, 'other')).toContain('OTHER');
	});

	it('is read again on SIGHUP alone where nobody asked for more', async () => {
		const config = writeServers(bench, { files: entry('FILES') });
		const bridge = await start('--config', config);
		writeServers(bench, { other: entry('OTHER') });
		expect(await whoIs(bridge, 'files')).toContain('FILES');
		bridge.signal('SIGHUP');
		await expect.poll(() => whoIs(bridge, 'files'), PATIENCE).toBe(404);
		expect(await whoIs(bridge, 'other')).toContain('OTHER');
	});

	it('leaves no program behind when the bridge stops', async () => {
		const bridge = await start('--config', writeServers(bench, { files: entry('FILES') }));
		expect(await whoIs(bridge, 'files')).toContain('FILES');
		bridge.signal('SIGTERM');
		expect(await bridge.exit).toEqual({ code: 0, signal: null });
		expect(pidsOf('FILES').filter(isRunning)).toEqual([]);
	});
});
