import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stdioServer } from '../fakes/upstream.ts';
import { openWorkbench, type ServingProcess, serve, type Workbench } from './operation-process.ts';

let bench: Workbench;
let gateway: ServingProcess;
let tokens: { admin: string; googleAdmin: string };

const GRANTS = [
	{ group: 'Admins', workspace: '*', access: 'admin' },
	{ group: 'Google-Admins', workspace: 'google', access: 'admin' },
	{ group: 'Readers', workspace: 'google', access: 'read' },
];

beforeAll(async () => {
	bench = await openWorkbench();
	const child = { transport: 'stdio', ...stdioServer({ canary: 'CHILD', logPath: bench.path('child.jsonl') }) };
	const openWebUi = { chat: { secret: '${file:chat.secret}' } };
	writeFileSync(bench.path('chat.secret'), 'a secret of thirty-two bytes or more');
	bench.configure({ workspaces: { google: { servers: { child } } }, grants: GRANTS, openWebUi });
	gateway = await serve(bench);
	tokens = {
		admin: bench.directory.token({ groups: ['Admins'] }),
		googleAdmin: bench.directory.token({ groups: ['Google-Admins'] }),
	};
});
afterAll(() => bench.close());

const as = (token: string, ...args: string[]) => bench.run(args, { PORTCULLIS_TOKEN: token });
const admin = (...args: string[]) => as(tokens.admin, ...args);

describe('the command line beside a gateway', () => {
	it('finds the gateway of the data folder, as whoever the token says', async () => {
		const file = bench.path('.portcullis/gateway.json');
		expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ url: gateway.url, pid: gateway.pid });
		expect(statSync(file).mode & 0o777).toBe(0o600);
		const list = await admin('workspace', 'list', '--json');
		expect([list.code, list.err]).toEqual([0, '']);
		expect(JSON.parse(list.out)).toMatchObject({ items: [{ slug: 'google', level: 'admin' }] });
	});

	it('says what to do without a token: it does not take the folder from a gateway', async () => {
		const none = await bench.run(['workspace', 'list']);
		expect([none.code, none.out]).toEqual([2, '']);
		expect(none.err).toBe(
			`A gateway (process ${gateway.pid}) runs on the data folder .portcullis: set PORTCULLIS_TOKEN, or name a file with --token-file, to ask it as yourself, or stop it to work as the operator.\n`,
		);
	});

	it('makes, changes and removes with the rights of the token', async () => {
		expect((await admin('workspace', 'create', 'microsoft')).code).toBe(0);
		const refused = await as(tokens.googleAdmin, 'workspace', 'show', 'microsoft');
		expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('PC_NOT_FOUND')]);
		const added = await as(tokens.googleAdmin, 'grant', 'add', 'google', '--group', 'Writers', '--access', 'write');
		expect([added.code, added.out]).toEqual([0, 'Granted write in google to the group Writers.\n']);
		const removed = await as(tokens.googleAdmin, 'grant', 'remove', 'google', '--group', 'Writers');
		expect([removed.code, removed.err]).toEqual([0, '']);
		expect((await admin('workspace', 'delete', 'microsoft', '--yes')).code).toBe(0);
	});

	it('cannot choose a program over the network, nor change what the file manages', async () => {
		const program = await admin('server', 'add', 'google/more', '--transport', 'stdio', '--command', 'node');
		expect([program.code, program.err]).toEqual([1, expect.stringContaining('PC_OPERATOR_ONLY')]);
		const managed = await admin('server', 'disable', 'google/child');
		expect([managed.code, managed.err]).toEqual([1, expect.stringContaining('PC_FILE_MANAGED')]);
	});

	it('rules about tools member by member, and selects them', async () => {
		const far = ['--transport', 'http', '--address', 'http://127.0.0.1:9/mcp'];
		expect((await as(tokens.googleAdmin, 'server', 'add', 'google/far', ...far)).code).toBe(0);
		const rule = (...args: string[]) => as(tokens.googleAdmin, 'tool', 'rule', ...args);
		expect((await rule('set', 'google/far', 'delete', '--minimum-level', 'admin')).code).toBe(0);
		expect((await rule('set', 'google/far', 'delete', '--readable', '--enabled', 'no')).code).toBe(0);
		const rules = await rule('list', 'google/far');
		expect(rules.out.trim().split('\n').at(-1)?.split(/ {2,}/)).toEqual(['delete', 'no', 'admin', 'yes', '-', '-']);
		const daily = ['google/daily', '--title', 'Daily', '--tool', 'far/delete', 'child/echo'];
		expect((await as(tokens.googleAdmin, 'toolset', 'create', ...daily)).code).toBe(0);
		const shown = await as(tokens.googleAdmin, 'toolset', 'show', 'google/daily', '--json');
		expect(JSON.parse(shown.out)).toMatchObject({ title: 'Daily', tools: ['child/echo', 'far/delete'] });
		const used = await as(tokens.googleAdmin, 'server', 'remove', 'google/far');
		expect([used.code, used.err]).toEqual([1, expect.stringContaining('PC_CONFLICT')]);
		expect((await as(tokens.googleAdmin, 'toolset', 'delete', 'google/daily')).code).toBe(0);
		expect((await rule('remove', 'google/far', 'delete')).code).toBe(0);
		expect((await as(tokens.googleAdmin, 'server', 'remove', 'google/far')).code).toBe(0);
	});

	it('lists tools with who may use them, and calls one', async () => {
		const tools = await admin('tool', 'list', 'google/child');
		expect([tools.code, tools.out]).toEqual([0, expect.stringMatching(/^echo +(yes|no) +no +/m)]);
		const called = await admin('server', 'test', 'google/child', 'echo', '--arguments', '{"text":"hello"}');
		expect([called.code, called.out]).toEqual([0, expect.stringContaining('CHILD: hello')]);
		const failing = await admin('server', 'test', 'google/child', 'no-such-tool');
		expect(failing.code).toBe(1);
	});

	it('explains by groups, and ends with 1 where the answer is no', async () => {
		const no = await admin('explain', '--tool', 'google/child/echo', '--group', 'Strangers');
		expect([no.code, no.out]).toEqual([1, expect.stringMatching(/^They hold nothing in the workspace\.\n\nNo: /)]);
		const yes = await admin('explain', '--tool', 'google/child/echo');
		expect([yes.code, yes.out]).toEqual([
			0,
			expect.stringMatching(/^They hold admin, by .+\n\nYes: google\/child\/echo/),
		]);
	});

	it('leaves what the file manages, and says so', async () => {
		writeFileSync(bench.path('other.yaml'), exportedWithout(await admin('export', '--json')));
		const held = await admin('apply', '-f', 'other.yaml', '--dry-run');
		expect(held.code).toBe(0);
		expect(held.out).toContain('the configuration file manages them');
		expect(held.out).toContain('Nothing to change.');
	});

	it('makes a key that is printed once, keeps it through a start with the file, and revokes it', async () => {
		const keys = (...args: string[]) => as(tokens.googleAdmin, 'key', ...args);
		const bounds = [
			'--access',
			'write',
			'--server',
			'child',
			'--network',
			'127.0.0.0/8',
			'--expires',
			'2031-01-31T00:00:00Z',
		];
		const made = await keys('create', 'google', 'Nightly report', ...bounds);
		const [key = '', told = ''] = made.out.split('\n');
		expect([made.code, key]).toEqual([0, expect.stringMatching(/^pc_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}$/)]);
		const id = /^This is key (\S+)\./.exec(told)?.[1] ?? '';
		const shown = await keys('show', 'google', id, '--json');
		const expires = '2031-01-31T00:00:00.000Z';
		const bound = { servers: ['child'], networks: ['127.0.0.0/8'], expiresAt: expires };
		expect(JSON.parse(shown.out)).toMatchObject({ name: 'Nightly report', level: 'write', ...bound });
		expect(shown.out).not.toContain(key.slice(12));
		expect((await keys('list', 'google')).out).toContain(id);
		gateway.signal('SIGTERM');
		await gateway.exit;
		gateway = await serve(bench);
		const called = await as(key, 'server', 'test', 'google/child', 'echo', '--arguments', '{"text":"hello"}');
		expect([called.code, called.out]).toEqual([0, expect.stringContaining('CHILD: hello')]);
		const open = ['--server', 'all', '--network', 'any', '--expires', 'never'];
		expect((await keys('update', 'google', id, '--name', 'Daily', ...open)).code).toBe(0);
		const unbound = { name: 'Daily', servers: null, networks: null, expiresAt: null };
		expect(JSON.parse((await keys('show', 'google', id, '--json')).out)).toMatchObject(unbound);
		expect((await as(key, 'key', 'list', 'google')).err).toContain('PC_KEY_REFUSED');
		expect((await keys('create', 'google', 'Mine', '--access', 'read', '--personal')).err).toContain(
			'PC_KEY_OWNER_UNKNOWN',
		);
		expect((await keys('revoke', 'google', id)).out).toBe(`Revoked the key ${id}.\n`);
		expect((await as(key, 'server', 'test', 'google/child', 'echo')).err).toContain('PC_KEY_INVALID');
	});

	it('links accounts of Open WebUI and prints connections to paste', async () => {
		const webui = (...args: string[]) => as(tokens.googleAdmin, 'open-webui', ...args);
		const trusting = ['--access', 'write', '--open-webui', 'chat', '--plain', '--network', '127.0.0.1'];
		const made = await as(tokens.googleAdmin, 'key', 'create', 'google', 'Chat', ...trusting, '--json');
		const trust = { instance: 'chat', plain: true, linkByEmail: false };
		expect(JSON.parse(made.out)).toMatchObject({ kind: 'open-webui', openWebUi: trust });
		const linked = await webui('link', 'google', 'chat', 'ada-oid', '--subject', 'ada-there', '--name', 'Ada');
		expect([linked.code, linked.out]).toEqual([0, 'Linked ada-there of chat to ada-oid.\n']);
		const [row = ''] = (await webui('links', 'google')).out.trim().split('\n').slice(1);
		const [id = '', ...cells] = row.split(/ {2,}/);
		expect(cells).toEqual(['chat', 'ada-there', '-', 'ada-oid', 'Ada']);
		const printed = await webui('connection', 'google/child', '--base', gateway.url, '--group', 'g-1', 'g-2');
		const [mcp] = JSON.parse(printed.out);
		expect(mcp).toMatchObject({
			type: 'mcp',
			url: `${gateway.url}/w/google/s/child/mcp`,
			info: { id: 'google-child' },
		});
		expect(mcp.config.access_grants).toHaveLength(2);
		expect((await webui('unlink', 'google', id)).code).toBe(0);
		expect((await webui('links', 'google')).out).toBe('There are no links.\n');
	});

	it('takes its word back when it stops', async () => {
		gateway.signal('SIGTERM');
		await gateway.exit;
		expect(existsSync(bench.path('.portcullis/gateway.json'))).toBe(false);
		expect(existsSync(bench.path('.portcullis/owner.json'))).toBe(false);
	});
});

/** The export with another title for the workspace. */
function exportedWithout({ out }: { readonly out: string }): string {
	const config = JSON.parse(out) as { workspaces: Record<string, { title: string }> };
	for (const workspace of Object.values(config.workspaces)) workspace.title = 'Other';
	return JSON.stringify(config);
}
