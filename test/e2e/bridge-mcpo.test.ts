import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createSocket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { startGateway, type TestGateway } from '../fakes/gateway.ts';
import { type McpoFixture, mcpoConfigOf, startMcpoFixture } from '../fakes/mcpo-fixture-network.mjs';
import { type BridgeProcess, FIXTURE, startBridge, writeServers } from './bridge-process.ts';
import { openWorkbench, type Workbench } from './operation-process.ts';

const KEY = 'k-83de-mcpo';
const NAMES = ['files', 'events', 'stream'] as const;
/** The real mcpo, where there is one. */
const MCPO = process.env['MCPO'];

/** Calls that mcpo and the bridge answer alike, to the last character that JSON gives a meaning. */
const SAME = [
	{ path: '/get_current_time', body: { timezone: 'UTC' } },
	{ path: '/get_current_time', body: {} },
	{ path: '/DoThingNow', body: {} },
	{ path: '/rich-tool.v2', body: { kind: 'number' } },
	...['text', 'json', 'number', 'image', 'captioned', 'two', 'empty'].map((kind) => ({
		path: '/give',
		body: { kind },
	})),
	...['parse', 'request', 'method', 'params', 'internal'].map((kind) => ({ path: '/fail', body: { kind } })),
	{ path: '/types', body: { s: 'a', i: '7', b: 'yes', pair: { x: 1, more: 2 }, list: ['b'], unknown: 1 } },
	{ path: '/types', body: { i: 'x', pair: {} } },
	{ path: '/optional_only', body: { limit: null } },
	{ path: '/nowhere', body: {} },
];
/** And those that only the bridge answers well (docs/openapi.md). */
const BETTER = ['audio', 'structured', 'error'].map((kind) => ({ path: '/give', body: { kind } }));

let bench: Workbench;
let fixture: McpoFixture;
let bridge: BridgeProcess;
let strict: BridgeProcess;
let gateway: TestGateway;
let config: string;
beforeAll(async () => {
	bench = await openWorkbench();
	fixture = await startMcpoFixture();
	config = writeServers(bench, mcpoConfigOf(fixture, FIXTURE).mcpServers);
	writeFileSync(bench.path('key'), KEY);
	const lines = (calls: readonly object[]): string => calls.map((call) => JSON.stringify(call)).join('\n');
	writeFileSync(bench.path('same.jsonl'), lines(SAME));
	writeFileSync(bench.path('better.jsonl'), lines(BETTER));
	bridge = await startBridge(bench, ['--host', '127.0.0.1', '--api-key', KEY, '--config', config]);
	strict = await startBridge(bench, ['--host', '127.0.0.1', '--api-key', KEY, '--config', config, '--mcpo-strict']);
	gateway = await startImported();
	writeFileSync(bench.path('token'), gateway.tokenFor(['G']));
});
afterAll(async () => {
	await gateway?.close();
	await bench.close();
	await fixture.close();
});

/** The same file, as `portcullis import` puts it into a workspace. */
async function startImported(): Promise<TestGateway> {
	const { out, code, err } = await bench.run(['import', 'show', config, '--folder', bench.path('secrets')]);
	expect({ code, err: err.includes('fixture-7c1e') }).toEqual({ code: 0, err: false });
	expect(out).not.toContain('fixture-7c1e');
	return startGateway({
		workspaces: { company: parse(out) },
		grants: [{ group: 'G', workspace: 'company', access: 'write' }],
	});
}

/** What `mcpo-diff` says of one server there and here. */
async function differences(theirs: string, ours: string, ...more: readonly string[]) {
	const ourKey = ours.startsWith(gateway.url) ? 'token' : 'key';
	const keys = ['--key-file', bench.path('key'), '--other-key-file', bench.path(ourKey)];
	const { out, err, code } = await bench.run(['mcpo-diff', theirs, ours, ...keys, ...more]);
	return { out, err, code };
}

const NONE = { out: 'No difference.\n', err: '', code: 0 };
const places = (name: string): readonly string[] => [`${bridge.url}/${name}`, `${gateway.url}/w/company/s/${name}`];

describe('a file with a stdio, an SSE and a Streamable HTTP server', () => {
	const documents = JSON.parse(readFileSync('test/golden/mcpo/config-documents.json', 'utf8'));
	const recorded = createServer((request, response) => {
		response.end(JSON.stringify(documents[(request.url ?? '').split('/')[1] ?? '']));
	});
	beforeAll(() => new Promise<void>((resolve) => recorded.listen(0, '127.0.0.1', resolve)));
	afterAll(() => new Promise((resolve) => recorded.close(resolve)));
	const theirs = (name: string): string => `http://127.0.0.1:${(recorded.address() as AddressInfo).port}/${name}`;

	it.each(NAMES)(
		'moves from mcpo to a bridge and to a workspace without a difference in its documents: %s',
		async (name) => {
			for (const ours of places(name)) expect(await differences(theirs(name), ours)).toEqual(NONE);
		},
	);

	it.each(NAMES)('has its document to the letter where the bridge is strict: %s', async (name) => {
		expect(await (await fetch(`${strict.url}/${name}/openapi.json`)).json()).toEqual(documents[name]);
	});

	it('has the same list of servers', async () => {
		expect(await (await fetch(`${bridge.url}/openapi.json`)).json()).toEqual(documents.root);
	});

	it('is not taken for the same when a tool is missing', async () => {
		const { out, code } = await differences(theirs('files'), `${bridge.url}/stream`);
		expect([out, code]).toEqual(['/with_output: is missing in the second\n', 1]);
	});

	it.each(NAMES)('answers alike at the bridge and in the workspace: %s', async (name) => {
		const [ours = '', workspace = ''] = places(name);
		writeFileSync(bench.path('both.jsonl'), [...SAME, ...BETTER].map((call) => JSON.stringify(call)).join('\n'));
		expect(await differences(ours, workspace, '--calls', bench.path('both.jsonl'))).toEqual(NONE);
	});
});

describe.skipIf(MCPO === undefined)('the same file at the real mcpo', () => {
	let mcpo: ChildProcess;
	let url: string;
	beforeAll(async () => {
		const port = await freePort();
		const args = ['--host', '127.0.0.1', '--port', String(port), '--api-key', KEY, '--config', config];
		mcpo = spawn(MCPO ?? '', args, { stdio: 'ignore' });
		url = `http://127.0.0.1:${port}`;
		const patience = AbortSignal.timeout(50_000);
		const isUp = (): Promise<boolean> =>
			fetch(`${url}/stream/openapi.json`)
				.then((answer) => answer.text())
				.then(
					(text) => text.includes('/give'),
					() => false,
				);
		while (!(await isUp())) {
			patience.throwIfAborted();
			await new Promise((resolve) => setTimeout(resolve, 300));
		}
	});
	afterAll(() => mcpo?.kill('SIGKILL'));

	it.each(NAMES)('has the same documents and answers as the bridge and the workspace: %s', async (name) => {
		for (const ours of places(name)) {
			expect(await differences(`${url}/${name}`, ours, '--calls', bench.path('same.jsonl'))).toEqual(NONE);
		}
	});

	it.each(NAMES)('answers worse only where that is known: %s', async (name) => {
		for (const ours of places(name)) {
			const { out, code } = await differences(`${url}/${name}`, ours, '--calls', bench.path('better.jsonl'));
			expect([out, code]).toEqual(['/give: is answered otherwise\n'.repeat(BETTER.length), 1]);
		}
	});

	it.each(NAMES)('answers no better than it where the bridge is strict: %s', async (name) => {
		for (const calls of ['same.jsonl', 'better.jsonl']) {
			const told = await differences(`${url}/${name}`, `${strict.url}/${name}`, '--calls', bench.path(calls));
			expect(told).toEqual(NONE);
		}
	});

	it('has the same list of servers', async () => {
		const [theirs, ours] = await Promise.all(
			[url, bridge.url].map(async (base) => (await fetch(`${base}/openapi.json`)).json()),
		);
		expect(ours).toEqual(theirs);
	});
});

function freePort(): Promise<number> {
	return new Promise((resolve) => {
		const server = createSocket().listen(0, '127.0.0.1', () => {
			const { port } = server.address() as AddressInfo;
			server.close(() => resolve(port));
		});
	});
}
