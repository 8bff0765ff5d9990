import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { legacy, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type Hostile, type LegacyHttpFixture, readStdioLog, startLegacyHttp, stdioServer } from '../fakes/upstream.ts';
import { outcomeOf, refused } from './edge-refusal.ts';
import { callTool, codeOf, metric, textOf, until, type Way } from './failure-calls.ts';

const CHILD: Way = { path: '/w/google/s/child/mcp', era: 'legacy' };
const STEADY: Way = { path: '/w/google/s/steady/mcp', era: 'legacy' };
const FAR: Way = { path: '/w/google/s/far/mcp', era: 'legacy' };
const ALL_FAR: Way = { path: '/mcp', era: 'legacy', prefix: 'google__far__' };

let folder: string;
let gateway: TestGateway;
let far: LegacyHttpFixture;

beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-operation-'));
	far = await startLegacyHttp({ canary: 'FAR', sessions: false });
	writeFileSync(join(folder, 'key'), 'k-first\n');
});
afterEach(async () => {
	await gateway.close();
	await far.close();
	await until(() => [...pids('child'), ...pids('steady')].every((pid) => !isAlive(pid)));
	rmSync(folder, { recursive: true });
});

const log = (name: string): string => join(folder, `${name}.jsonl`);
const pids = (name: string): number[] =>
	readStdioLog(log(name)).flatMap(({ event, pid }) => (event === 'start' && pid !== undefined ? [pid] : []));
const started = (name: string, tool: string): boolean => readStdioLog(log(name)).some((each) => each.name === tool);

function isAlive(pid: number): boolean {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
}

interface Choices {
	readonly canary?: string;
	readonly hostile?: Hostile;
	readonly servers?: object;
	readonly limits?: object;
	readonly access?: string;
	readonly rules?: object;
}

function child(name: string, { canary = 'CHILD', hostile, limits = {}, rules = {} }: Choices = {}): object {
	const { command, args } = stdioServer({ canary, logPath: log(name), ...(hostile && { hostile }) });
	return { transport: 'stdio', command, args, limits, tools: { rules } };
}

function config({ servers, access = 'write', ...choices }: Choices = {}) {
	const key = `\${file:${join(folder, 'key')}}`;
	const usual = {
		child: child('child', choices),
		steady: child('steady'),
		far: { transport: 'http', url: far.url, headers: { 'x-api-key': key } },
	};
	return {
		workspaces: { google: { servers: servers ?? usual } },
		grants: [{ group: 'G', workspace: 'google', access }],
	};
}

const WITHOUT_CHILD = () => config({ servers: { steady: child('steady') } });

async function tools(): Promise<readonly string[]> {
	const headers = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
	const { json } = await post(`${gateway.url}/mcp`, legacy('tools/list'), headers);
	return json.result.tools.map(({ name }: { name: string }) => name);
}

describe('a reload', () => {
	it('lets calls in flight end where they began, and their server end after them', async () => {
		gateway = await startGateway(config());
		const calls = [CHILD, FAR, ALL_FAR].map((way) => callTool(gateway, way, 'slow', { ms: 800 }));
		await until(() => started('child', 'slow') && far.seen.filter(({ name }) => name === 'slow').length === 2);
		await gateway.reconfigure(WITHOUT_CHILD());
		for (const way of [CHILD, FAR])
			expect(outcomeOf(await callTool(gateway, way, 'echo'))).toBe(refused('PC_ADDRESS_UNKNOWN'));
		expect(isAlive(pids('child')[0] ?? 0)).toBe(true);
		expect((await Promise.all(calls)).map(textOf)).toEqual(['CHILD: slow done', 'FAR: slow done', 'FAR: slow done']);
		await until(() => !isAlive(pids('child')[0] ?? 0));
	});

	it('lets a call that waits for its child to start have its answer', async () => {
		const hostile: Hostile = { kind: 'delay', delayMs: 600, methods: ['server/discover', 'initialize'] };
		gateway = await startGateway(config({ hostile }));
		const call = callTool(gateway, CHILD, 'echo', { text: 'patient' });
		await until(
			() => started('child', '') || readStdioLog(log('child')).some(({ method }) => method === 'server/discover'),
		);
		await gateway.reconfigure(config({ hostile, canary: 'CHANGED' }));
		expect(textOf(await call)).toBe('CHILD: patient');
		expect(textOf(await callTool(gateway, CHILD, 'echo', { text: 'new' }))).toBe('CHANGED: new');
		await until(() => !isAlive(pids('child')[0] ?? 0));
	});

	it('lets a call that waits for the list of its server have its answer', async () => {
		far.setBehaviour({ hostile: { kind: 'delay', delayMs: 500, methods: ['tools/list'] } });
		gateway = await startGateway(config());
		const calls = [FAR, ALL_FAR].map((way) => callTool(gateway, way, 'echo', { text: 'patient' }));
		await until(() => far.seen.some(({ method }) => method === 'tools/list'));
		await gateway.reconfigure(WITHOUT_CHILD());
		expect((await Promise.all(calls)).map(textOf)).toEqual(['FAR: patient', 'FAR: patient']);
	});

	it('takes a removed server out of every list and address at once', async () => {
		gateway = await startGateway(config());
		expect(await tools()).toEqual(expect.arrayContaining(['google__child__echo', 'google__steady__echo']));
		await gateway.reconfigure(WITHOUT_CHILD());
		const left = await tools();
		expect(left).toContain('google__steady__echo');
		expect(left.filter((name) => !name.startsWith('google__steady__'))).toEqual([]);
		await until(() => !isAlive(pids('child')[0] ?? 0));
	});

	it('takes a removed or lowered grant at once, also from tokens that are still good', async () => {
		gateway = await startGateway(config());
		const remember = () => callTool(gateway, STEADY, 'remember', { key: 'k', value: 'v' });
		expect(codeOf(await remember())).toBe('ok');
		await gateway.reconfigure(config({ access: 'read' }));
		expect(codeOf(await remember())).toBe('PC_TOOL_UNKNOWN');
		expect(await tools()).not.toContain('google__steady__remember');
		await gateway.reconfigure({ ...config(), grants: [] });
		expect(outcomeOf(await callTool(gateway, STEADY, 'echo'))).toBe(refused('PC_ADDRESS_UNKNOWN'));
		expect(await tools()).toEqual([]);
	});

	it('opens a workspace to a member, says so in the audit, and closes it with the membership', async () => {
		const withMembers = (members: object[]) => {
			const { workspaces } = config();
			return { workspaces: { google: { ...workspaces.google, members } }, grants: [] };
		};
		gateway = await startGateway(withMembers([{ oid: 'member-1', access: 'write', name: 'Ada' }]));
		const echo = async (oid: string) => {
			const headers = { authorization: `Bearer ${gateway.tokenFor([], { oid })}` };
			return outcomeOf(
				await post(gateway.url + FAR.path, legacy('tools/call', { name: 'echo', arguments: { text: 'x' } }), headers),
			);
		};
		expect([await echo('member-1'), await echo('member-2')]).toEqual(['200', refused('PC_ADDRESS_UNKNOWN')]);
		expect(gateway.audit().find(({ rules }) => rules !== undefined)).toMatchObject({
			rules: ['member'],
			level: 'write',
		});
		await gateway.reconfigure(withMembers([]));
		expect(await echo('member-1')).toBe(refused('PC_ADDRESS_UNKNOWN'));
	});

	it('ends open streams, so that a grant that has gone takes its streams along', async () => {
		const withSessions = await startLegacyHttp({ canary: 'FAR' });
		const servers = { far: { transport: 'http', url: withSessions.url } };
		gateway = await startGateway(config({ servers }));
		const headers = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
		const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
		const started = await post(gateway.url + FAR.path, legacy('initialize', params), headers);
		const session = { ...headers, 'mcp-session-id': started.headers.get('mcp-session-id') ?? '' };
		const listen = () => fetch(gateway.url + FAR.path, { headers: { ...session, accept: 'text/event-stream' } });
		const stream = await listen();
		expect(stream.status).toBe(200);
		await gateway.reconfigure({ ...config({ servers }), grants: [] });
		expect(await stream.text()).not.toContain('data: {');
		expect((await listen()).status).toBe(404);
		await withSessions.close();
	});

	it('starts a changed server anew and leaves the others alone', async () => {
		gateway = await startGateway(config());
		for (const way of [CHILD, STEADY]) expect(codeOf(await callTool(gateway, way, 'echo'))).toBe('ok');
		await gateway.reconfigure(config({ canary: 'CHANGED' }));
		expect(textOf(await callTool(gateway, CHILD, 'echo', { text: 'x' }))).toBe('CHANGED: x');
		expect(codeOf(await callTool(gateway, STEADY, 'echo'))).toBe('ok');
		expect([pids('child').length, pids('steady').length]).toEqual([2, 1]);
		await until(() => !isAlive(pids('child')[0] ?? 0));
	});

	it('of a rule holds for the next list and call, and ends neither the child nor the session with it', async () => {
		gateway = await startGateway(config());
		expect(codeOf(await callTool(gateway, CHILD, 'remember', { key: 'k', value: 'v' }))).toBe('ok');
		expect(await tools()).toEqual(expect.arrayContaining(['google__child__remember']));
		await gateway.reconfigure(config({ rules: { remember: { enabled: false } } }));
		expect(await tools()).not.toContain('google__child__remember');
		expect(codeOf(await callTool(gateway, CHILD, 'remember', { key: 'k', value: 'v' }))).toBe('PC_TOOL_UNKNOWN');
		expect(textOf(await callTool(gateway, CHILD, 'echo', { text: 'still here' }))).toBe('CHILD: still here');
		await gateway.reconfigure(config({ rules: { remember: { minimumLevel: 'write' } } }));
		expect(codeOf(await callTool(gateway, CHILD, 'remember', { key: 'k', value: 'w' }))).toBe('ok');
		expect(await tools()).toContain('google__child__remember');
		expect(pids('child')).toHaveLength(1);
		expect(readStdioLog(log('child')).filter(({ method }) => method === 'initialize').length).toBeLessThan(2);
	});

	it('of a rule leaves the sessions that clients have with a server as they are', async () => {
		const withSessions = await startLegacyHttp({ canary: 'FAR' });
		const servers = (rules: object) => ({ far: { transport: 'http', url: withSessions.url, tools: { rules } } });
		gateway = await startGateway(config({ servers: servers({}) }));
		const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
		const headers = { authorization: `Bearer ${gateway.tokenFor(['G'])}` };
		const started = await post(gateway.url + FAR.path, legacy('initialize', params), headers);
		const session = { ...headers, 'mcp-session-id': started.headers.get('mcp-session-id') ?? '' };
		const call = () =>
			post(gateway.url + FAR.path, legacy('tools/call', { name: 'echo', arguments: { text: 'x' } }), session);
		expect(textOf(await call())).toBe('FAR: x');
		await gateway.reconfigure(config({ servers: servers({ echo: { minimumLevel: 'admin' } }) }));
		expect(codeOf(await call())).toBe('PC_TOOL_UNKNOWN');
		await gateway.reconfigure(config({ servers: servers({ add: { enabled: false } }) }));
		expect(textOf(await call())).toBe('FAR: x');
		await withSessions.close();
	});

	it('uses a changed secret from the next call on, and never the old one again', async () => {
		gateway = await startGateway(config());
		await callTool(gateway, FAR, 'echo');
		writeFileSync(join(folder, 'key'), 'k-second\n');
		await gateway.snapshots.reload();
		far.seen.length = 0;
		for (const way of [FAR, ALL_FAR]) expect(codeOf(await callTool(gateway, way, 'echo'))).toBe('ok');
		expect(new Set(far.seen.map(({ headers }) => headers['x-api-key']))).toEqual(new Set(['k-second']));
	});

	it('is taken from the file alone, within a few seconds', async () => {
		gateway = await startGateway(config());
		const changed = { directories: [gateway.directory.directory], ...WITHOUT_CHILD() };
		writeFileSync(join(gateway.folder, 'portcullis.yaml'), stringify(changed));
		await until(async () => outcomeOf(await callTool(gateway, FAR, 'echo')) === refused('PC_ADDRESS_UNKNOWN'));
	});

	it('of a faulty file changes nothing', async () => {
		gateway = await startGateway(config());
		const before = await tools();
		await gateway.reconfigure({ workspaces: { google: { servers: { x: { transport: 'carrier-pigeon' } } } } });
		expect(await tools()).toEqual(before);
		writeFileSync(join(gateway.folder, 'portcullis.yaml'), 'directories: [');
		expect(await gateway.snapshots.reload()).toBe(false);
		expect(codeOf(await callTool(gateway, CHILD, 'echo'))).toBe('ok');
	});
});

describe('an idle child', () => {
	it('is ended after its time, and started anew for the next call', async () => {
		gateway = await startGateway(config({ limits: { childIdleMs: 300 } }));
		expect(codeOf(await callTool(gateway, CHILD, 'echo'))).toBe('ok');
		const [first = 0] = pids('child');
		await until(() => !isAlive(first));
		expect(await metric(gateway, 'portcullis_upstream_sessions')).toBe(0);
		expect(textOf(await callTool(gateway, CHILD, 'echo', { text: 'again' }))).toBe('CHILD: again');
		expect(pids('child')).toHaveLength(2);
	});

	it('is not idle while a call runs, however long', async () => {
		gateway = await startGateway(config({ limits: { childIdleMs: 200 } }));
		expect(textOf(await callTool(gateway, CHILD, 'slow', { ms: 900 }))).toBe('CHILD: slow done');
		expect(pids('child')).toHaveLength(1);
	});

	it('costs no list: its tools are known while it sleeps', async () => {
		gateway = await startGateway(config({ limits: { childIdleMs: 200 } }));
		const before = await tools();
		await until(() => !isAlive(pids('child')[0] ?? 0));
		const answers: PlainAnswer[] = [];
		expect(await tools()).toEqual(before);
		expect(pids('child')).toHaveLength(1);
		answers.push(await callTool(gateway, CHILD, 'no-such-tool'));
		expect(answers.map(codeOf)).toEqual(['PC_TOOL_UNKNOWN']);
	});
});
