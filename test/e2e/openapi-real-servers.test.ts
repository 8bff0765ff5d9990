import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../fakes/gateway.ts';

const MODULES = resolve(import.meta.dirname, '../../node_modules');
const program = (path: string, ...args: string[]) => ({
	...{ transport: 'stdio', command: process.execPath, args: [join(MODULES, path), ...args] },
});

/** The server for SQLite is 300 MB large: it is none of our packages, and tried where its program is given. */
const TOOLBOX = process.env['TOOLBOX'] ?? '';

const WORKSPACES = ['google', 'microsoft'] as const;
type Workspace = (typeof WORKSPACES)[number];

const otherOf = (workspace: Workspace): Workspace => (workspace === 'google' ? 'microsoft' : 'google');

let gateway: TestGateway;
let root: string;
const folderOf = (workspace: Workspace): string => join(root, workspace);

function serversOf(workspace: Workspace) {
	const folder = folderOf(workspace);
	mkdirSync(join(folder, 'repository'), { recursive: true });
	writeFileSync(join(folder, 'note.txt'), `note of ${workspace}`);
	const git = {
		...{ MCP_TRANSPORT_TYPE: 'stdio', MCP_LOG_LEVEL: 'error', GIT_BASE_DIR: join(folder, 'repository') },
		...{ GIT_USERNAME: `\${env:AUTHOR_${workspace.toUpperCase()}}`, GIT_EMAIL: `${workspace}@company.example` },
	};
	return {
		files: program('@modelcontextprotocol/server-filesystem/dist/index.js', folder),
		memory: {
			...program('@modelcontextprotocol/server-memory/dist/index.js'),
			env: { MEMORY_FILE_PATH: join(folder, 'memory.jsonl') },
		},
		git: { ...program('@cyanheads/git-mcp-server/dist/index.js'), env: git },
		...(TOOLBOX !== '' && {
			sqlite: {
				...{ transport: 'stdio', command: TOOLBOX, args: ['--prebuilt', 'sqlite', '--stdio'] },
				env: { SQLITE_DATABASE: join(folder, 'data.db') },
			},
		}),
	};
}

beforeAll(async () => {
	root = mkdtempSync(join(tmpdir(), 'portcullis-real-'));
	const workspaces = Object.fromEntries(WORKSPACES.map((workspace) => [workspace, { servers: serversOf(workspace) }]));
	const grants = WORKSPACES.map((workspace) => ({ group: workspace, workspace, access: 'write' }));
	const authors = { AUTHOR_GOOGLE: 'author-of-google', AUTHOR_MICROSOFT: 'author-of-microsoft' };
	gateway = await startGateway({ workspaces, grants } as never, authors);
});
afterAll(async () => {
	await gateway.close();
	rmSync(root, { recursive: true, force: true });
});

/** As somebody of one workspace. */
async function ask(who: Workspace, path: string, body?: object) {
	const authorization = `Bearer ${gateway.tokenFor([who], { oid: `person-of-${who}` })}`;
	const response = await fetch(gateway.url + path, {
		method: body === undefined ? 'GET' : 'POST',
		headers: { authorization, 'content-type': 'application/json' },
		...(body && { body: JSON.stringify(body) }),
	});
	const text = await response.text();
	return { status: response.status, text, json: JSON.parse(text) };
}

/** A call in one's own workspace. */
const call = (who: Workspace, server: string, tool: string, body: object = {}) =>
	ask(who, `/w/${who}/s/${server}/${tool}`, body);

const FIRST_TOOLS: Readonly<Record<string, readonly [tool: string, body: object]>> = {
	files: ['list_allowed_directories', {}],
	memory: ['read_graph', {}],
	git: ['git_status', {}],
	...(TOOLBOX !== '' && { sqlite: ['list_tables', {}] as const }),
};

describe.each(WORKSPACES)('a person of %s', (who) => {
	const other = otherOf(who);

	it('reads valid documents of all their servers, with every tool as one operation', async () => {
		for (const [server, [tool]] of Object.entries(FIRST_TOOLS)) {
			const { status, json, text } = await ask(who, `/w/${who}/s/${server}/openapi.json`);
			expect([status, text.includes(other)], server).toEqual([200, false]);
			expect((await new Validator().validate(json)).errors, server).toBeUndefined();
			expect(Object.keys(json.paths)).toContain(`/${tool}`);
		}
		const whole = await ask(who, '/openapi.json');
		expect(Object.keys(whole.json.paths).length).toBeGreaterThan(40);
		expect(Object.keys(whole.json.paths).filter((path) => !path.startsWith(`/${who}__`))).toEqual([]);
	});

	it('reads and writes files of their own folder, and none of the other', async () => {
		const note = await call(who, 'files', 'read_text_file', { path: join(folderOf(who), 'note.txt') });
		expect([note.status, JSON.stringify(note.json).includes(`note of ${who}`)]).toEqual([200, true]);
		const path = join(folderOf(who), 'written.txt');
		expect((await call(who, 'files', 'write_file', { path, content: '12345678901234567890' })).status).toBe(200);
		expect((await call(who, 'files', 'read_text_file', { path })).text).toContain('12345678901234567890');
		const foreign = await call(who, 'files', 'read_text_file', { path: join(folderOf(other), 'note.txt') });
		expect([foreign.status, foreign.text.includes(`note of ${other}`)]).toEqual([500, false]);
		expect(foreign.json.detail.message).toMatch(/denied/i);
	});

	it('remembers in a memory of their own', async () => {
		const entities = [{ name: `secret-of-${who}`, entityType: 'thing', observations: ['kept'] }];
		expect((await call(who, 'memory', 'create_entities', { entities })).status).toBe(200);
		const { text } = await call(who, 'memory', 'read_graph');
		expect([text.includes(`secret-of-${who}`), text.includes(`secret-of-${other}`)]).toEqual([true, false]);
	});

	it('commits to a repository of their own, as the author that is their workspace’s credential', async () => {
		const path = join(folderOf(who), 'repository');
		expect((await call(who, 'git', 'git_init', { path })).json).toMatchObject({ success: true });
		writeFileSync(join(path, 'a.txt'), who);
		expect((await call(who, 'git', 'git_add', { path, all: true })).status).toBe(200);
		const message = `commit of ${who}`;
		const committed = await call(who, 'git', 'git_commit', { path, message });
		expect([committed.status, committed.json.success], committed.text).toEqual([200, true]);
		const log = await call(who, 'git', 'git_log', { path });
		expect(log.text).toContain(message);
		expect(log.text).toContain(`author-of-${who}`);
		expect(log.text).not.toContain(other);
		const foreign = await call(who, 'git', 'git_log', { path: join(folderOf(other), 'repository') });
		expect([foreign.status, foreign.text.includes(`commit of ${other}`)]).toEqual([500, false]);
	});

	it.skipIf(TOOLBOX === '')('asks a database of their own', async () => {
		const sql = (text: string) => call(who, 'sqlite', 'execute_sql', { sql: text });
		expect((await sql('create table kept (who text)')).json).toEqual([]);
		expect((await sql(`insert into kept values ('row of ${who}')`)).json).toEqual([]);
		expect((await sql('select who from kept')).json).toEqual({ who: `row of ${who}` });
	});

	it('finds at the other’s addresses neither documents nor tools', async () => {
		const nothing = { status: 404, text: '{"detail":"Not Found"}' };
		for (const [server, [tool, body]] of Object.entries(FIRST_TOOLS)) {
			expect((await call(who, server, tool, body)).status, server).not.toBe(404);
			for (const workspace of [other, 'nowhere']) {
				expect(await ask(who, `/w/${workspace}/s/${server}/${tool}`, body)).toMatchObject(nothing);
				expect(await ask(who, `/w/${workspace}/s/${server}/openapi.json`)).toMatchObject({ status: 404 });
				expect(await ask(who, `/w/${workspace}/${server}__${tool}`, body)).toMatchObject(nothing);
				expect(await ask(who, `/${workspace}__${server}__${tool}`, body)).toMatchObject(nothing);
				expect(await ask(who, `/tools/${workspace}/${server}__${tool}/execute`, body)).toMatchObject(nothing);
			}
		}
		const { json } = await ask(who, '/tools');
		expect(new Set(json.tools.map(({ workspace }: { workspace: string }) => workspace))).toEqual(new Set([who]));
	});
});
