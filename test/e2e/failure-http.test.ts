import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/errors/table.ts';
import { type PlainAnswer, startGateway, type TestGateway } from '../fakes/gateway.ts';
import {
	type Hostile,
	type HttpFixture,
	type LegacyHttpFixture,
	startLegacyHttp,
	startModernHttp,
	startRecorder,
} from '../fakes/upstream.ts';
import { auditOf, expectRefusal } from './edge-refusal.ts';
import { callTool, codeOf, metric, textOf, type Way } from './failure-calls.ts';

const LIMITS = { firstByteMs: 400, idleMs: 400, totalMs: 900, resultBytes: 200_000, frameBytes: 100_000 };
const SECRET = 'k-5d0b1f6e-secret';
const CANARY = 'CANARY-of-the-upstream';
const JSON_ONLY = 'application/json';

let gateway: TestGateway;
let old: LegacyHttpFixture;
let fresh: HttpFixture;
let recorder: Awaited<ReturnType<typeof startRecorder>>;

beforeAll(async () => {
	const requireHeader = { header: 'x-api-key', value: SECRET };
	old = await startLegacyHttp({ canary: CANARY, sessions: false, requireHeader });
	fresh = await startModernHttp({ canary: CANARY, requireHeader });
	recorder = await startRecorder();
	const server = (url: string) => ({ transport: 'http', url, headers: { 'x-api-key': '${env:KEY}' } });
	gateway = await startGateway(
		{
			workspaces: { google: { servers: { old: server(old.url), fresh: server(fresh.url) } } },
			grants: [{ group: 'G', workspace: 'google', access: 'write' }],
			limits: { upstream: LIMITS },
		},
		{ KEY: SECRET },
	);
	for (const { way } of WAYS) expect(textOf(await callTool(gateway, way, 'echo', { text: 'hi' }))).toContain('hi');
});
afterAll(async () => {
	await gateway.close();
	await Promise.all([old.close(), fresh.close(), recorder.close()]);
});

interface Row {
	readonly name: string;
	readonly way: Way;
	/** The server behind it. */
	readonly upstream: () => LegacyHttpFixture | HttpFixture;
}

const WAYS: readonly Row[] = [
	{ name: 'passed on as it is, 2025', way: { path: '/w/google/s/old/mcp', era: 'legacy' }, upstream: () => old },
	{ name: 'passed on as it is, 2026', way: { path: '/w/google/s/fresh/mcp', era: 'modern' }, upstream: () => fresh },
	{ name: 'across the eras', way: { path: '/w/google/s/fresh/mcp', era: 'legacy' }, upstream: () => fresh },
	{
		name: 'at the address of everything',
		way: { path: '/mcp', era: 'legacy', prefix: 'google__old__' },
		upstream: () => old,
	},
];

describe.each(WAYS)('a call $name', ({ way, upstream }) => {
	let misdirected: number;
	beforeEach(async () => {
		upstream().seen.length = 0;
		misdirected = await metric(gateway, 'portcullis_misdirected_total');
	});
	afterEach(async () => {
		upstream().setBehaviour({ hostile: undefined });
		expect(codeOf(await callTool(gateway, way, 'echo', { text: 'still here' }))).toBe('ok');
		expect(await metric(gateway, 'portcullis_tripwire_total')).toBe(0);
	});

	function misbehave(hostile: Hostile): void {
		upstream().setBehaviour({ hostile: { methods: ['tools/call'], ...hostile } });
	}

	/** The call failed like this, once, and with nothing of the upstream's in the answer. */
	function expectFailure(answer: PlainAnswer, code: ErrorCode): void {
		expectRefusal(answer, code, 7);
		expectNothingLeaked(answer);
		expect(upstream().seen.filter(({ method }) => method === 'tools/call')).toHaveLength(1);
		const [intent, outcome] = auditOf(gateway, answer);
		expect([intent, outcome]).toMatchObject([{ kind: 'intent' }, { kind: 'outcome', code, stage: 'upstream' }]);
		expect(outcome?.['outcome']).toMatch(/^(?:failed|cut)$/);
	}

	it.each([301, 302, 307, 308] as const)('that is answered %i is not sent on', async (status) => {
		misbehave({ kind: 'redirect', location: recorder.url, status });
		expectFailure(await callTool(gateway, way, 'echo', { text: 'x' }), 'PC_UPSTREAM_REDIRECT');
		expect(recorder.seen).toEqual([]);
	});

	it.each([401, 403])('that is answered %i is a failure of the credential, not of the caller', async (status) => {
		const headers = { 'www-authenticate': `Bearer realm="${CANARY}", resource_metadata="${recorder.url}"` };
		misbehave({ kind: 'status', status, headers });
		const answer = await callTool(gateway, way, 'echo', { text: 'x' });
		expectFailure(answer, 'PC_UPSTREAM_REFUSED');
		expect(answer.headers.has('www-authenticate')).toBe(false);
		expect(recorder.seen).toEqual([]);
	});

	it.each<[string, Hostile, ErrorCode]>([
		['500', { kind: 'status', status: 500 }, 'PC_UPSTREAM_FAILED'],
		['503', { kind: 'status', status: 503 }, 'PC_UPSTREAM_FAILED'],
		['500 and a page', { kind: 'html-500' }, 'PC_UPSTREAM_FAILED'],
		['204 and nothing', { kind: 'status', status: 204 }, 'PC_UPSTREAM_INVALID'],
		['with another content type', { kind: 'wrong-content-type' }, 'PC_UPSTREAM_INVALID'],
		['with half a JSON text', { kind: 'truncated-json' }, 'PC_UPSTREAM_INVALID'],
		['with half a body', { kind: 'cut-body' }, 'PC_UPSTREAM_FAILED'],
		['never', { kind: 'never' }, 'PC_UPSTREAM_TIMEOUT'],
		['too late', { kind: 'delay', delayMs: 1_500 }, 'PC_UPSTREAM_TIMEOUT'],
	])('that is answered %s fails', async (_, hostile, code) => {
		misbehave(hostile);
		expectFailure(await callTool(gateway, way, 'echo', { text: 'x' }), code);
	});

	it.each<[string, Hostile, ErrorCode]>([
		['that ends without the answer', { kind: 'silent-end' }, 'PC_UPSTREAM_FAILED'],
		['of comments without end', { kind: 'drip', everyMs: 20 }, 'PC_UPSTREAM_TIMEOUT'],
		['with a huge event', { kind: 'huge-event', bytes: LIMITS.frameBytes }, 'PC_UPSTREAM_TOO_LARGE'],
	])('that is answered by a stream %s fails', async (_, hostile, code) => {
		misbehave(hostile);
		expectFailure(await callTool(gateway, { ...way, accept: JSON_ONLY }, 'echo', { text: 'x' }), code);
	});

	it('whose answer is larger than the limit fails, and one below it does not', async () => {
		const fits = await callTool(gateway, way, 'huge', { bytes: LIMITS.resultBytes - 1_000 });
		expect(textOf(fits)).toHaveLength(LIMITS.resultBytes - 1_000);
		upstream().seen.length = 0;
		expectFailure(await callTool(gateway, way, 'huge', { bytes: LIMITS.resultBytes }), 'PC_UPSTREAM_TOO_LARGE');
	});

	it('whose answer carries the id of another is dropped and counted', async () => {
		misbehave({ kind: 'wrong-id' });
		expectFailure(await callTool(gateway, way, 'echo', { text: 'x' }), 'PC_UPSTREAM_INVALID');
		expect(await metric(gateway, 'portcullis_misdirected_total')).toBe(misdirected + 1);
	});

	it('that is answered twice is answered once', async () => {
		misbehave({ kind: 'twice' });
		const answer = await callTool(gateway, way, 'echo', { text: 'once' });
		expect(codeOf(answer)).toBe('ok');
		expect(answer.text.match(/once/g)).toHaveLength(1);
	});

	it('that hangs does not delay the calls of others', async () => {
		misbehave({ kind: 'never' });
		const hung = Array.from({ length: 5 }, () => callTool(gateway, way, 'echo', { text: 'x' }));
		let answered = false;
		const all = Promise.all(hung).then((answers) => {
			answered = true;
			return answers;
		});
		const other: Way = { path: upstream() === old ? '/w/google/s/fresh/mcp' : '/w/google/s/old/mcp', era: 'legacy' };
		for (let times = 0; times < 3; times++) expect(codeOf(await callTool(gateway, other, 'echo'))).toBe('ok');
		expect(answered).toBe(false);
		expect((await all).map(codeOf)).toEqual(hung.map(() => 'PC_UPSTREAM_TIMEOUT'));
	});
});

describe('a streamed answer that breaks', () => {
	const way: Way = { path: '/w/google/s/old/mcp', era: 'legacy' };
	afterEach(() => old.setBehaviour({ hostile: undefined, answers: 'auto' }));

	it.each<[string, Hostile, ErrorCode]>([
		['without its answer', { kind: 'silent-end' }, 'PC_UPSTREAM_FAILED'],
		['by never ending', { kind: 'drip', everyMs: 20 }, 'PC_UPSTREAM_TIMEOUT'],
		['by size', { kind: 'huge-event', bytes: LIMITS.frameBytes }, 'PC_UPSTREAM_TOO_LARGE'],
		['by half a message', { kind: 'truncated-json' }, 'PC_UPSTREAM_INVALID'],
		['by the id of another', { kind: 'wrong-id' }, 'PC_UPSTREAM_FAILED'],
	])('%s ends with the refusal as its last message', async (_, hostile, code) => {
		old.setBehaviour({ answers: 'sse', hostile: { ...hostile, methods: ['tools/call'] } });
		const answer = await callTool(gateway, way, 'echo', { text: 'x' });
		expect(answer.headers.get('content-type')).toBe('text/event-stream');
		expect([answer.status, answer.json.id, codeOf(answer)]).toEqual([200, 7, code]);
		expect(answer.json.error.data.request_id).toBe(answer.headers.get('x-request-id'));
		expectNothingLeaked(answer);
		expect(auditOf(gateway, answer)).toMatchObject([{ kind: 'intent' }, { outcome: 'cut', code }]);
	});
});

describe('what an upstream says about itself', () => {
	it('is not shown when it fails before the first call: in a handshake and in a list', async () => {
		for (const hostile of [
			{ kind: 'html-500' },
			{ kind: 'status', status: 401 },
			{ kind: 'redirect', location: recorder.url },
			{ kind: 'wrong-content-type' },
			{ kind: 'truncated-json' },
		] as const) {
			const broken = await startLegacyHttp({ canary: CANARY, sessions: false, hostile });
			const late = await startGateway({
				workspaces: { google: { servers: { broken: { transport: 'http', url: broken.url } } } },
				grants: [{ group: 'G', workspace: 'google', access: 'write' }],
			});
			const answer = await callTool(late, { path: '/w/google/s/broken/mcp', era: 'legacy' }, 'echo');
			expect(codeOf(answer), hostile.kind).toMatch(/^PC_UPSTREAM_/);
			expect(answer.status).toBe(502);
			expectNothingLeaked(answer);
			await late.close();
			await broken.close();
		}
		expect(recorder.seen).toEqual([]);
	});
});

function expectNothingLeaked(answer: PlainAnswer): void {
	const all = answer.text + [...answer.headers].join();
	for (const foreign of [CANARY, SECRET, '<h1>', 'node:internal', ' at ', 'ECONN', 'UND_ERR', recorder.url]) {
		expect(all).not.toContain(foreign);
	}
}
