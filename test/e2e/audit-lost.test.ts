import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { legacy, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type LegacyHttpFixture, startLegacyHttp } from '../fakes/upstream.ts';
import { expectRefusal, outcomeOf } from './edge-refusal.ts';
import { callTool, codeOf, until, type Way } from './failure-calls.ts';

/** A device on which every write fails for want of space. */
const FULL_DISK = '/dev/full';
const FAR: Way = { path: '/w/google/s/far/mcp', era: 'legacy' };
const ALL: Way = { path: '/mcp', era: 'legacy', prefix: 'google__far__' };

let gateway: TestGateway;
let upstream: LegacyHttpFixture;
let file: string;

beforeAll(async () => {
	upstream = await startLegacyHttp({ canary: 'FAR', sessions: false });
	gateway = await startGateway({
		workspaces: { google: { servers: { far: { transport: 'http', url: upstream.url } } } },
		grants: [{ group: 'G', workspace: 'google', access: 'write' }],
	});
	file = join(gateway.folder, 'audit.jsonl');
	for (const way of [FAR, ALL]) expect(codeOf(await callTool(gateway, way, 'echo'))).toBe('ok');
});
afterAll(async () => {
	await gateway.close();
	await upstream.close();
});

/** The disk is full from now on: the audit is rotated onto a device that takes nothing. */
function fillDisk(): void {
	renameSync(file, `${file}.kept`);
	symlinkSync(FULL_DISK, file);
	gateway.records.reopen();
}

function freeDisk(): void {
	rmSync(file);
	renameSync(`${file}.kept`, file);
	gateway.records.reopen();
}

const calls = (name: string): number => upstream.seen.filter((each) => each.name === name).length;
const ask = (body: unknown, groups: readonly string[] = ['G'], path = '/mcp'): Promise<PlainAnswer> =>
	post(gateway.url + path, body, { authorization: `Bearer ${gateway.tokenFor(groups)}` });

describe.skipIf(!existsSync(FULL_DISK))('an audit that cannot be written', () => {
	afterEach(async () => {
		if (existsSync(`${file}.kept`)) freeDisk();
		for (const way of [FAR, ALL]) expect(codeOf(await callTool(gateway, way, 'echo')), 'as soon as it can').toBe('ok');
	});

	it('stops every call before the server hears of it', async () => {
		fillDisk();
		const before = upstream.seen.length;
		const held = [FAR, ALL, FAR].map((way) => callTool(gateway, way, 'remember', { key: 'k', value: 'v' }));
		for (const answer of await Promise.all(held)) {
			expectRefusal(answer, 'PC_AUDIT_UNAVAILABLE', 7);
			expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
		}
		expect(upstream.seen.length).toBe(before);
	});

	it('stops what the gateway answers by itself: lists, pings, refusals and bad tokens', async () => {
		fillDisk();
		expectRefusal(await ask(legacy('ping')), 'PC_AUDIT_UNAVAILABLE', 1);
		expectRefusal(await ask(legacy('tools/list')), 'PC_AUDIT_UNAVAILABLE', 1);
		expectRefusal(await ask(legacy('no/such')), 'PC_AUDIT_UNAVAILABLE', 1);
		expectRefusal(await ask('{'), 'PC_AUDIT_UNAVAILABLE');
		expectRefusal(await post(`${gateway.url}/mcp`, '{}'), 'PC_AUDIT_UNAVAILABLE');
		expectRefusal(await ask('{}', ['G'], '/nowhere'), 'PC_AUDIT_UNAVAILABLE');
	});

	it.each([FAR, ALL])('during a call says at $path that it was carried out and not recorded', async (way) => {
		const before = calls('slow');
		const held = callTool(gateway, way, 'slow', { ms: 500 });
		await until(() => calls('slow') === before + 1);
		fillDisk();
		expectRefusal(await held, 'PC_AUDIT_OUTCOME_LOST', 7);
	});

	it('during a streamed call says so in place of the answer', async () => {
		const before = calls('slow');
		const params = { name: 'slow', arguments: { ms: 600, steps: 3 }, _meta: { progressToken: 't' } };
		const held = ask(legacy('tools/call', params, 7), ['G'], FAR.path);
		await until(() => calls('slow') === before + 1);
		fillDisk();
		const answer = await held;
		expect(answer.text).toContain('notifications/progress');
		expect(answer.text).not.toContain('slow done');
		expect(codeOf(answer)).toBe('PC_AUDIT_OUTCOME_LOST');
	});

	it('leaves health as it is, for a restart would not mend it', async () => {
		fillDisk();
		expectRefusal(await ask(legacy('ping')), 'PC_AUDIT_UNAVAILABLE', 1);
		expect((await fetch(`${gateway.operatorUrl}/healthz`)).status).toBe(200);
	});
});

describe('an audit file that is rotated', () => {
	it('loses no line: the old file has those before, the new one those after', async () => {
		const before = await ask(legacy('ping'));
		renameSync(file, `${file}.1`);
		const between = await ask(legacy('ping'));
		gateway.records.reopen();
		const after = await ask(legacy('ping'));
		const idsIn = (path: string) =>
			readFileSync(path, 'utf8')
				.split('\n')
				.filter(Boolean)
				.map((line) => JSON.parse(line).request);
		const idOf = (answer: PlainAnswer) => answer.headers.get('x-request-id');
		expect(idsIn(`${file}.1`)).toEqual(expect.arrayContaining([idOf(before), idOf(between)]));
		expect(idsIn(file)).toEqual([idOf(after)]);
	});

	it('goes on where it was when it cannot be opened anew', async () => {
		renameSync(file, `${file}.2`);
		mkdirSync(file);
		expect(() => gateway.records.reopen()).toThrow('EISDIR');
		const answer = await ask(legacy('ping'));
		expect(outcomeOf(answer)).toBe('200');
		expect(readFileSync(`${file}.2`, 'utf8')).toContain(String(answer.headers.get('x-request-id')));
		rmSync(file, { recursive: true });
		gateway.records.reopen();
	});

	it('that ends in half a line is continued on a line of its own', async () => {
		await ask(legacy('ping'));
		appendFileSync(file, '{"time":"torn by a crash');
		gateway.records.reopen();
		const answer = await ask(legacy('ping'));
		const lines = readFileSync(file, 'utf8').split('\n');
		expect(lines.at(-3)).toBe('{"time":"torn by a crash');
		expect(JSON.parse(lines.at(-2) ?? '')).toMatchObject({ request: answer.headers.get('x-request-id') });
		expect(lines.at(-1)).toBe('');
	});
});
