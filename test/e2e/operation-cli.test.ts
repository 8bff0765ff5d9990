import { readFileSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDemoDirectory } from '../../src/cli/demo-directory.ts';
import { legacy, post } from '../fakes/gateway.ts';
import { readStdioLog, stdioServer } from '../fakes/upstream.ts';
import { textOf, until } from './failure-calls.ts';
import { openWorkbench, type ServingProcess, serve, type Workbench } from './operation-process.ts';

let bench: Workbench;

beforeEach(async () => {
	bench = await openWorkbench();
});
afterEach(() => bench.close());

const SECRET = 'k-a41c-process-secret';
const GRANTS = [{ group: 'G', workspace: 'google', access: 'write' }];

function configure(servers: object = {}, grants: readonly object[] = GRANTS): void {
	bench.configure({ workspaces: { google: { servers } }, grants });
}

const child = (canary: string): object => ({
	transport: 'stdio',
	...stdioServer({ canary, logPath: bench.path('child.jsonl'), stderrText: `${canary} starts with key ${SECRET}` }),
	env: { API_KEY: '${env:KEY}' },
});

function call(gateway: ServingProcess, tool: string, args: object): ReturnType<typeof post> {
	const headers = { authorization: `Bearer ${bench.directory.token({ groups: ['G'] })}` };
	return post(`${gateway.url}/w/google/s/child/mcp`, legacy('tools/call', { name: tool, arguments: args }), headers);
}

/** A port that somebody has. */
async function takePort(): Promise<{ port: number; free(): Promise<unknown> }> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const { port } = server.address() as AddressInfo;
	return { port, free: () => new Promise((resolve) => server.close(resolve)) };
}

describe('serve', () => {
	it('says where it is ready, and answers health, readiness and metrics on a second port', async () => {
		configure();
		const gateway = await serve(bench);
		expect(gateway.stdout()).toBe(`Portcullis is ready: ${gateway.url}\n`);
		const ask = async (path: string) => {
			const answer = await fetch(gateway.operatorUrl + path);
			return [answer.status, await answer.text()] as const;
		};
		expect(await ask('/healthz')).toEqual([200, 'ok\n']);
		expect(await ask('/readyz')).toEqual([200, 'ready\n']);
		expect((await ask('/metrics'))[1]).toContain('portcullis_tripwire_total 0');
		expect((await ask('/mcp'))[0]).toBe(404);
		expect((await fetch(`${gateway.url}/metrics`)).status).toBe(404);
	});

	it.each(['--port', '--admin-port'])('ends with 1 and a sentence when its %s is taken', async (option) => {
		configure({ child: child('CHILD') });
		const taken = await takePort();
		const other = option === '--port' ? '--admin-port' : '--port';
		const { code, err, out } = await bench.run(['serve', option, String(taken.port), other, '0'], { KEY: SECRET });
		expect([code, out]).toEqual([1, '']);
		expect(err.trim().split('\n').at(-1)).toBe(
			`Port ${taken.port} is taken; choose another with --port or --admin-port.`,
		);
		await taken.free();
	});

	it.each([
		['no file where one was named', () => undefined, 'absent.yaml', 'absent.yaml:1:1: cannot be read (ENOENT)'],
		['a bad file', () => bench.configure({ hots: [], grants: [{}] }), 'portcullis.yaml', 'did you mean hosts?'],
	])('ends with %s', async (_, prepare, file, text) => {
		prepare();
		const ended = await bench.run(['serve', '--port', '0', '--admin-port', '0', '--config', file]);
		expect([ended.code, ended.out]).toEqual([2, '']);
		expect(ended.err).toContain(text);
		expect(ended.err).not.toContain('    at ');
	});

	it('ends with 2 for settings and options it does not understand', async () => {
		configure();
		const settings = await bench.run(['serve'], { PORTCULLIS_PORT: 'eighty', PORTCULLIS_LOG_LEVEL: 'loud' });
		expect([settings.code, settings.err.trim().split('\n').length]).toEqual([2, 2]);
		const options = await bench.run(['serve', '--port', '70000']);
		expect([options.code, options.err]).toEqual([2, expect.stringContaining('a whole number from 0 to 65535')]);
		expect((await bench.run(['sreve'])).code).toBe(2);
	});

	it('ends with 1 and a sentence when it cannot keep an audit', async () => {
		configure();
		writeFileSync(bench.path('taken'), 'a file where the folder should be');
		const ended = await bench.run(['serve', '--port', '0', '--admin-port', '0'], {
			PORTCULLIS_DATA: bench.path('taken'),
		});
		expect([ended.code, ended.out]).toEqual([1, '']);
		expect(ended.err).toMatch(/EEXIST|ENOTDIR/);
		expect(ended.err).not.toContain('    at ');
	});

	it('follows its file and says what it did, or everything that keeps it from doing so', async () => {
		configure({ child: child('BEFORE') });
		const gateway = await serve(bench, { KEY: SECRET });
		expect(textOf(await call(gateway, 'echo', { text: 'x' }))).toBe('BEFORE: x');
		writeFileSync(bench.path('portcullis.yaml'), 'directories: []\nhots: []\nlimits: { bodyBytes: 0 }\n');
		await until(() => gateway.stderr().includes('configuration kept as it was'));
		for (const fault of ['hots: unknown key', 'limits.bodyBytes', 'directories'])
			expect(gateway.stderr()).toContain(fault);
		expect(textOf(await call(gateway, 'echo', { text: 'y' }))).toBe('BEFORE: y');
		configure({ child: child('AFTER') });
		gateway.signal('SIGHUP');
		await until(() => gateway.stderr().includes('configuration swapped'));
		expect(textOf(await call(gateway, 'echo', { text: 'z' }))).toBe('AFTER: z');
	});

	it('keeps secrets and tokens out of arguments, logs and audit, at every log level', async () => {
		configure({
			child: child('CHILD'),
			far: { transport: 'http', url: 'http://127.0.0.1:9', headers: { 'x-api-key': '${env:KEY}' } },
		});
		const gateway = await serve(bench, { KEY: SECRET, PORTCULLIS_LOG_LEVEL: 'trace' });
		const token = bench.directory.token({ groups: ['G'] });
		const headers = { authorization: `Bearer ${token}` };
		for (const tool of ['google__child__whoami', 'google__child__crash', 'google__far__x', 'nothing']) {
			await post(
				`${gateway.url}/mcp?token=${token}`,
				legacy('tools/call', { name: tool, arguments: { key: SECRET } }),
				headers,
			);
		}
		await post(`${gateway.url}/mcp`, legacy('ping'), { authorization: `Bearer ${token}x` });
		const [pid] = readStdioLog(bench.path('child.jsonl')).flatMap((each) => each.pid ?? []);
		const whileItRuns = [
			readFileSafely(`/proc/${gateway.pid}/cmdline`),
			readFileSafely(`/proc/${pid}/cmdline`),
			await (await fetch(`${gateway.operatorUrl}/metrics`)).text(),
		];
		gateway.signal('SIGTERM');
		await gateway.exit;
		const audit = await bench.audit();
		expect(audit.filter(({ kind }) => kind === 'outcome')).toHaveLength(5);
		const everything = [...whileItRuns, gateway.stdout(), gateway.stderr(), JSON.stringify(audit)].join('\n');
		expect(everything).toContain('"msg":"child ended"');
		for (const secret of [SECRET, token, token.split('.')[2] ?? '']) expect(everything).not.toContain(secret);
	});
});

function readFileSafely(path: string): string | undefined {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return undefined;
	}
}

describe('config check', () => {
	it('ends with 0 for a good file and with 2 and every fault of a bad one', async () => {
		configure({ child: child('CHILD') });
		const good = await bench.run(['config', 'check'], { KEY: SECRET });
		expect([good.code, good.err]).toEqual([0, '']);
		expect(good.out).toContain('portcullis.yaml is valid (directories: 1, workspaces: 1, servers: 1, grants: 1)');
		const lacking = await bench.run(['config', 'check']);
		expect([lacking.code, lacking.out]).toEqual([2, '']);
		expect(lacking.err).toContain('workspaces.google.servers.child.env.API_KEY');
		configure({ child: { transport: 'stdio', env: { NODE_OPTIONS: 'x' } }, B: {} }, [
			{ group: 'G', workspace: 'gogle' },
		]);
		const bad = await bench.run(['config', 'check'], { KEY: SECRET });
		expect(bad.code).toBe(2);
		for (const fault of ['command', 'NODE_OPTIONS', 'servers.B', 'did you mean google?', 'access'])
			expect(bad.err).toContain(fault);
	});

	it('prints what is in force without a secret', async () => {
		configure({ child: child('CHILD') });
		const printed = await bench.run(['config', 'print'], { KEY: SECRET });
		expect(printed.code).toBe(0);
		expect(printed.out).toContain('API_KEY: ${env:KEY}');
		expect(printed.out).not.toContain(`"${SECRET}"`);
	});
});

describe('token', () => {
	it('is there for people of the demo directory, and for nobody else', async () => {
		const none = await bench.run(['token', 'admin@company.example']);
		expect([none.code, none.out]).toEqual([1, '']);
		expect(none.err).toBe('There is no demo directory here yet: start the demo with npm start.\n');
		await createDemoDirectory(bench.path('.portcullis/demo/directory'));
		const admin = await bench.run(['token', 'admin@company.example']);
		expect([admin.code, admin.err]).toEqual([0, '']);
		expect(admin.out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
		const stranger = await bench.run(['token', 'stranger@company.example']);
		expect([stranger.code, stranger.out]).toEqual([1, '']);
		expect(stranger.err).toMatch(/^The demo directory has no stranger@company\.example; it has google-employee@/);
	});
});
