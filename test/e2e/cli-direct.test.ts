import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { lockFolder } from '../../src/store/folder-lock.ts';
import { openWorkbench, type Workbench } from './operation-process.ts';

const SECRET = 'k-51d0-direct-secret';

let bench: Workbench;
const run = (...args: string[]) => bench.run(args, { JIRA_KEY: SECRET });

beforeAll(async () => {
	bench = await openWorkbench();
});
afterAll(() => bench.close());

const JIRA = { transport: 'http', url: 'http://127.0.0.1:9/mcp', headers: { Authorization: 'Bearer ${env:JIRA_KEY}' } };

const fileWith = (servers: object) => ({
	directories: [bench.directory.directory],
	workspaces: { google: { title: 'Google', servers } },
	grants: [{ group: 'MCP-Google', workspace: 'google', access: 'write' }],
});

// Each test goes on from the one before: a process of its own costs a second, and so does a database.
describe('the command line on a data folder that nobody uses', () => {
	it('makes a database where there is none, and what it is asked for', async () => {
		const made = await run('workspace', 'create', 'google', '--title', 'Google');
		expect([made.code, made.out]).toEqual([0, 'Made the workspace google.\n']);
		const list = await run('workspace', 'list');
		expect([list.code, list.out.split('\n').map((line) => line.split(/ {2,}/))]).toEqual([
			0,
			[['SLUG', 'TITLE', 'AUDIT', 'LEVEL'], ['google', 'Google', 'strict', 'admin'], ['']],
		]);
		const shown = await run('workspace', 'show', 'google', '--json');
		expect(JSON.parse(shown.out)).toMatchObject({ slug: 'google', title: 'Google', managedBy: 'api' });
	});

	it('lets the operator name programs and variables, which nobody may over the network', async () => {
		writeFileSync(bench.path('jira.yaml'), stringify(JIRA));
		const jira = await run('server', 'add', 'google/jira', '-f', 'jira.yaml', '--title', 'Jira');
		expect([jira.code, jira.out]).toEqual([0, 'Added the server google/jira.\n']);
		const files = await run('server', 'add', 'google/files', '--transport', 'stdio', '--command', 'node');
		expect(files.code).toBe(0);
		const list = await run('server', 'list', 'google', '--json');
		expect((JSON.parse(list.out) as { items: object[] }).items).toMatchObject([{ slug: 'files' }, { slug: 'jira' }]);
	});

	it('refuses with 1 what is not there, with 2 what is used wrongly, and deletes nothing unasked', async () => {
		const absent = await run('workspace', 'show', 'nothing');
		expect([absent.code, absent.out, absent.err]).toEqual([1, '', expect.stringContaining('(PC_NOT_FOUND, request ')]);
		expect((await run('server', 'show', 'jira')).code).toBe(2);
		const unasked = await run('workspace', 'delete', 'google');
		expect([unasked.code, unasked.err]).toEqual([
			2,
			expect.stringContaining('Nobody is there to be asked; give --yes.'),
		]);
	});

	it('applies a file once, and deletes only when told to', async () => {
		writeFileSync(bench.path('company.yaml'), stringify(fileWith({ jira: JIRA })));
		const dry = await run('apply', '-f', 'company.yaml', '--dry-run');
		expect(dry.code).toBe(0);
		for (const line of ['+ directory fake', '+ grant google/group MCP-Google', '~ server google/jira: title']) {
			expect(dry.out.split('\n')).toContain(line);
		}
		expect(dry.out).not.toContain('- server google/files');
		expect((await run('apply', '-f', 'company.yaml')).code).toBe(2);
		const applied = await run('apply', '-f', 'company.yaml', '--yes');
		expect([applied.code, applied.out]).toEqual([0, expect.stringMatching(/\nDone\.\n$/)]);
		expect((await run('apply', '-f', 'company.yaml', '--yes')).out).toBe('Nothing to change.\n');
		const pruned = await run('apply', '-f', 'company.yaml', '--prune', '--yes');
		expect(pruned.out).toBe('- server google/files\n1 change: 0 to make, 0 to change, 1 to delete.\nDone.\n');
	});

	it('exports what apply takes for the same, with references and no secret', async () => {
		const exported = await run('export', '-o', 'exported.yaml');
		expect([exported.code, exported.out]).toEqual([0, '']);
		const text = readFileSync(bench.path('exported.yaml'), 'utf8');
		expect(parse(text)).toMatchObject({ workspaces: { google: { servers: { jira: JIRA } } } });
		expect(text).not.toContain(SECRET);
		expect((await run('apply', '-f', 'exported.yaml', '--prune', '--yes')).out).toBe('Nothing to change.\n');
	});

	it('tells what is wrong with a file with its lines', async () => {
		writeFileSync(bench.path('bad.yaml'), stringify(fileWith({ jira: { ...JIRA, hots: 1, url: 'nowhere' } })));
		const bad = await run('apply', '-f', 'bad.yaml', '--dry-run');
		expect([bad.code, bad.out]).toEqual([2, '']);
		expect(bad.err).toMatch(/^bad\.yaml:\d+:\d+ workspaces\.google\.servers\.jira\.url: /m);
		expect(bad.err).not.toMatch(/^bad\.yaml:1:1/m);
	});

	it('says the operator did it, and proves that the records are whole', async () => {
		const listed = await run('audit', 'list', 'google', '--kind', 'change');
		expect(listed.code).toBe(0);
		expect(listed.out).toMatch(/change +operator +server\.create jira/);
		const verified = await run('audit', 'verify', 'google');
		expect([verified.code, verified.out]).toEqual([
			0,
			expect.stringMatching(/^Intact: \d+ records.*\nhead [0-9a-f]{64}\n$/),
		]);
		expect((await run('audit', 'verify')).code).toBe(0);
	});

	it('says so while another process works on the folder, and touches nothing', async () => {
		const lock = lockFolder(bench.path('.portcullis'));
		const second = await run('workspace', 'list');
		lock.release();
		expect([second.code, second.out, second.err]).toEqual([
			3,
			'',
			`Process ${process.pid} works on the data folder .portcullis and takes no commands; try again when it is done.\n`,
		]);
	});

	it('tells that the schema is up to date', async () => {
		const checked = await run('migrate', '--check');
		expect([checked.code, checked.out]).toEqual([0, 'The database is up to date.\n']);
	});

	it('copies the database into a file, and back into a folder that is new', async () => {
		const copied = await run('backup', '-o', 'company.backup');
		expect([copied.code, copied.out]).toEqual([
			0,
			expect.stringMatching(/^Wrote company\.backup: \d+ rows of \d+ tables, as of /),
		]);
		const elsewhere = { PORTCULLIS_DATA: bench.path('other') };
		const restored = await bench.run(['restore', 'company.backup'], elsewhere);
		expect([restored.code, restored.out]).toEqual([0, copied.out.replace(/^.*: /, 'Restored ')]);
		const [there, here] = await Promise.all([
			bench.run(['workspace', 'show', 'google', '--json'], elsewhere),
			run('workspace', 'show', 'google', '--json'),
		]);
		expect([there.code, there.out]).toEqual([0, here.out]);
		const again = await bench.run(['restore', 'company.backup'], elsewhere);
		expect([again.code, again.out, again.err]).toEqual([1, '', expect.stringContaining('it is not empty')]);
		const none = await bench.run(['backup', '-o', 'x'], { PORTCULLIS_DATA: bench.path('none') });
		expect([none.code, existsSync(bench.path('none'))]).toEqual([1, false]);
	});

	it('deletes a workspace when it need not ask', async () => {
		const gone = await run('workspace', 'delete', 'google', '--yes');
		expect([gone.code, gone.out]).toEqual([0, 'Deleted the workspace google.\n']);
		expect((await run('workspace', 'list')).out).toBe('There are no workspaces.\n');
	});
});
