import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { legacy, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { codeOf, metric } from './failure-calls.ts';

const SCRIPT = fileURLToPath(new URL('../fakes/mcp/odd-stdio.mjs', import.meta.url));
const CANARY = 'k-0a1b2c3d-secret-on-stdout';
const MEGABYTE = 1024 * 1024;

let folder: string;
let gateway: TestGateway | undefined;
let logged: string[];

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-manners-'));
	logged = [];
});
afterEach(async () => {
	if (gateway !== undefined) expect(await metric(gateway, 'portcullis_tripwire_total')).toBe(0);
	await gateway?.close();
	rmSync(folder, { recursive: true });
});

async function start(options: object, limits: object = {}): Promise<TestGateway> {
	const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(line) });
	const odd = { transport: 'stdio', command: process.execPath, args: [SCRIPT, JSON.stringify(options)], limits };
	const config = {
		workspaces: { google: { servers: { odd } } },
		grants: [{ group: 'G', workspace: 'google', access: 'write' }],
	};
	gateway = await startGateway(config, {}, { log: log as never });
	return gateway;
}

function ask(own: TestGateway, method: string, params: object = {}): Promise<PlainAnswer> {
	const headers = { authorization: `Bearer ${own.tokenFor(['G'])}` };
	return post(`${own.url}/w/google/s/odd/mcp`, legacy(method, params as never, 7), headers);
}

const namesOf = ({ json }: PlainAnswer): string[] => json?.result?.tools.map(({ name }: { name: string }) => name);

describe('a server that logs to its stdout', () => {
	it('is understood all the same, in whatever form it logs, and no line of it reaches a log or a caller', async () => {
		const lines = [
			`Starting server ${CANARY}`,
			`{"level":"info","msg":"${CANARY}"}`,
			`[{"jsonrpc":"2.0","id":1,"result":"${CANARY}"}]`,
			`{"unfinished": "${CANARY}`,
			'null',
		];
		const own = await start({ log: lines, between: lines });
		const answer = await ask(own, 'tools/list');
		expect(namesOf(answer)).toEqual(['echo']);
		expect(codeOf(await ask(own, 'tools/call', { name: 'echo', arguments: {} }))).toBe('ok');
		expect(await metric(own, 'portcullis_misdirected_total'), 'a log line is no stray answer').toBe(0);
		await own.close();
		gateway = undefined;
		const about = logged.filter((line) => line.includes('stdout what is no message'));
		expect(about).toHaveLength(1);
		expect(logged.join('\n')).toMatch(/"noiseLines":\d+/);
		expect(logged.join('\n') + answer.text).not.toContain(CANARY);
	});
});

describe('a list', () => {
	it('of more than two megabytes in one line is passed on', async () => {
		const own = await start({ descriptionBytes: 2.1 * MEGABYTE });
		const answer = await ask(own, 'tools/list');
		expect(namesOf(answer)).toEqual(['echo']);
		expect(answer.text.length).toBeGreaterThan(2.1 * MEGABYTE);
	});

	it('with schemas that strict clients refuse is made one that they take', async () => {
		const tools = [
			'{"name":"loose","inputSchema":{"properties":{"n":{"type":"number"}}},"big":12345678901234567890}',
			'{"name":"none","inputSchema":null}',
			'{"name":"wrong","inputSchema":{"type":"string"}}',
		];
		const own = await start({ tools: `[${tools.join()}]` });
		const answer = await ask(own, 'tools/list');
		expect(namesOf(answer)).toEqual(['loose', 'none']);
		const schemas = answer.json?.result?.tools.map(({ inputSchema }: { inputSchema: object }) => inputSchema);
		expect(schemas).toEqual([{ properties: { n: { type: 'number' } }, type: 'object' }, { type: 'object' }]);
		expect(answer.text).toContain('12345678901234567890');
		expect(codeOf(await ask(own, 'tools/call', { name: 'loose', arguments: { n: 1 } }))).toBe('ok');
		expect(codeOf(await ask(own, 'tools/call', { name: 'wrong', arguments: {} }))).not.toBe('ok');
	});
});

describe('a server that takes its time to start', () => {
	it('has a limit of its own, longer than that of calls', async () => {
		const own = await start({ startMs: 1_500 }, { firstByteMs: 500, totalMs: 500, startMs: 20_000 });
		expect(namesOf(await ask(own, 'tools/list'))).toEqual(['echo']);
	});

	it('longer than that limit is given up, and ended', async () => {
		const starts = join(folder, 'starts');
		const own = await start({ startMs: 60_000, starts }, { startMs: 600 });
		expect(codeOf(await ask(own, 'tools/list'))).toBe('PC_UPSTREAM_TIMEOUT');
		const [pid = ''] = readFileSync(starts, 'utf8').split('\n');
		await expect.poll(() => existsSync(`/proc/${pid}`) && process.platform === 'linux', { timeout: 8_000 }).toBe(false);
	});
});

describe('a server that ends at once without its backend', () => {
	it('is left alone between tries, however many ask, says so as its state, and works once the backend is there', async () => {
		const [backend, starts] = [join(folder, 'backend'), join(folder, 'starts')];
		const own = await start({ backend, starts });
		const codes = new Set<string>();
		for (let times = 0; times < 6; times++) codes.add(codeOf(await ask(own, 'tools/list')));
		await Promise.all(Array.from({ length: 20 }, () => ask(own, 'tools/list')));
		expect([...codes].every((code) => code === 'PC_UPSTREAM_CRASHED' || code === 'PC_UPSTREAM_STARTING')).toBe(true);
		// Each try is up to two starts: some older servers end on a first request they do not know.
		expect(readFileSync(starts, 'utf8').trim().split('\n').length).toBeLessThan(16);
		const server = own.snapshots.current().workspaces.get('google')?.servers.get('odd');
		expect(own.app.serverState(server as never)).toMatchObject({
			state: 'failing',
			lastError: { code: 'PC_UPSTREAM_CRASHED' },
		});
		expect(logged.join('\n')).toContain('cannot reach the backend');
		writeFileSync(backend, '');
		await expect.poll(async () => codeOf(await ask(own, 'tools/list')), { timeout: 40_000, interval: 500 }).toBe('ok');
		expect(own.app.serverState(server as never).state).toBe('ready');
	});
});
