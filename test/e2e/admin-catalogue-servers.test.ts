import {
	existsSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	symlinkSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCatalogue } from '../../src/catalogue/load-catalogue.ts';
import { createRuntime, type Runtime } from '../../src/runtime/runtime.ts';
import { legacy, post } from '../fakes/gateway.ts';
import { type ManagedGateway, startManagedGateway } from '../fakes/managed-gateway.ts';
import { type FakeRegistry, startRegistry } from '../fakes/npm-registry.ts';

const ODD = readFileSync(fileURLToPath(new URL('../fakes/mcp/odd-stdio.mjs', import.meta.url)), 'utf8');
const PACKAGE = {
	name: 'odd-mcp',
	version: '1.0.0',
	manifest: { bin: 'main.mjs', type: 'module' },
	files: { 'main.mjs': ODD },
};
const PROGRAM = { runner: 'npm', package: 'odd-mcp', version: '1.0.0' } as const;

/** Services of a catalogue: one that keeps a file in its home, and one that is given a folder. */
const ENTRIES = [serviceOf('keeper', ['{"keep":true}'], []), serviceOf('opener', ['{}', '{folder}'], ['folder'])];

function serviceOf(id: string, args: readonly string[], folders: readonly string[]) {
	const variables = [
		{ name: 'who', description: 'who it is for' },
		...folders.map((name) => ({ name, description: 'a folder', kind: 'folder' })),
	];
	const endpoint = {
		key: 'npm',
		transport: 'stdio',
		runtime: 'npm',
		package: 'odd-mcp',
		version: '1.0.0',
		program: 'odd-mcp',
		args,
	};
	return {
		...{ id, name: id, category: 'Test', vendor: 'Nobody', official: true, description: 'Does nothing in particular.' },
		endpoints: [{ ...endpoint, env: { WHO: '{who}' }, variables, signIn: [{ kind: 'none' }] }],
		...{ confidence: 'high', checked: { how: 'documents', at: '2026-11-22' } },
	};
}

let folder: string;
let registry: FakeRegistry;
let runtime: Runtime;
let gateway: ManagedGateway;
let bare: ManagedGateway;

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-services-'));
	registry = await startRegistry([PACKAGE]);
	runtime = createRuntime({ folder: join(folder, 'runtime'), env: registry.env(folder) });
	const entries = join(folder, 'entries');
	mkdirSync(entries);
	for (const entry of ENTRIES) writeFileSync(join(entries, `${entry.id}.json`), JSON.stringify(entry));
	const catalogue = createCatalogue(entries);
	const programs = { runtime, homes: join(folder, 'homes') };
	const config = {
		workspaces: { google: {}, microsoft: {} },
		grants: [
			{ group: 'ADMINS', workspace: '*', access: 'admin' },
			{ group: 'WRITERS', workspace: 'google', access: 'write' },
		],
	};
	gateway = await startManagedGateway(config, {
		offered: { catalogue, programs: { ...programs, files: join(folder, 'files') } },
	});
	bare = await startManagedGateway(config, { beside: gateway, offered: { catalogue, programs } });
});
afterAll(async () => {
	await bare.close();
	await gateway.close();
	await registry.close();
	rmSync(folder, { recursive: true });
});

interface Told {
	readonly status: number;
	readonly code: string | undefined;
	readonly json: Record<string, unknown>;
}

async function ask(
	method: string,
	path: string,
	body?: unknown,
	{ by = gateway, group = 'ADMINS' } = {},
): Promise<Told> {
	const headers = {
		authorization: `Bearer ${by.tokenFor([group])}`,
		...(body !== undefined && { 'content-type': 'application/json' }),
		...(method === 'PATCH' && { 'if-match': '*' }),
	};
	const answer = await fetch(`${by.url}/api/v1${path}`, {
		method,
		headers,
		...(body !== undefined && { body: JSON.stringify(body) }),
	});
	const json = (answer.status === 204 ? {} : await answer.json()) as Record<string, unknown>;
	return { status: answer.status, code: json['code'] as string | undefined, json };
}

const add = (service: string, body: object, more?: object) =>
	ask('POST', `/workspaces/google/catalogue/${service}`, body, more);

async function seenBy(
	workspace: string,
	server: string,
): Promise<{ kept: string; env: Record<string, string>; args: string[]; cwd: string }> {
	const headers = { authorization: `Bearer ${gateway.tokenFor(['ADMINS'])}` };
	const call = legacy('tools/call', { name: 'echo', arguments: {} }, 1);
	const { json } = await post(`${gateway.url}/w/${workspace}/s/${server}/mcp`, call, headers);
	return JSON.parse(json?.result?.content[0].text);
}

describe('a program that the operator has not installed', () => {
	it('is no server for an administrator, and nothing is fetched for it', async () => {
		const asked = registry.asked.length;
		expect(await add('keeper', { variables: { who: 'me' } })).toMatchObject({
			status: 503,
			code: 'PC_RUNTIME_MISSING',
		});
		expect(registry.asked).toHaveLength(asked);
	});
});

describe('a service of the catalogue', () => {
	beforeAll(async () => {
		await runtime.install({ program: PROGRAM });
	});

	it('becomes a server with the program, arguments and variables of the catalogue, in a home of its own', async () => {
		const made = await add('keeper', { variables: { who: 'google' } });
		expect(made).toMatchObject({
			status: 201,
			json: { slug: 'keeper', transport: 'stdio', runtime: { ...PROGRAM, program: 'odd-mcp' }, env: { WHO: 'google' } },
		});
		expect(
			(await ask('POST', '/workspaces/microsoft/catalogue/keeper', { variables: { who: 'microsoft' } })).status,
		).toBe(201);
		const [google, microsoft] = [await seenBy('google', 'keeper'), await seenBy('microsoft', 'keeper')];
		expect([google.kept, microsoft.kept]).toEqual(['google\n', 'microsoft\n']);
		expect(google.env['HOME']).not.toBe(microsoft.env['HOME']);
		expect(google.cwd).toBe(google.env['HOME']);
		expect(Object.keys(google.env).sort()).toEqual(['HOME', 'PATH', 'TMPDIR', 'USERPROFILE', 'WHO']);
		expect((await runtime.check(runtime.list()[0] as never)) ?? 'as it was').toBe('as it was');
	});

	it('that is unknown is not found, whatever its name says', async () => {
		for (const name of ['nothing', '..%2Fkeeper', 'keeper%2F..%2Fkeeper', 'KEEPER'])
			expect((await add(name, {})).code).toMatch(/PC_(NOT_FOUND|INPUT_INVALID)/);
	});

	it('is added by administrators alone', async () => {
		expect((await add('keeper', { slug: 'k2', variables: { who: 'x' } }, { group: 'WRITERS' })).status).toBe(403);
	});

	it('says what is missing, unknown or wrong of its values by name', async () => {
		expect(await add('keeper', { slug: 'k3' })).toMatchObject({
			code: 'PC_INPUT_INVALID',
			json: { errors: [{ path: 'body.variables.who', message: 'must be given' }] },
		});
		expect((await add('keeper', { slug: 'k3', variables: { who: '--inspect=0.0.0.0' } })).code).toBe(
			'PC_INPUT_INVALID',
		);
		expect((await add('keeper', { slug: 'k3', endpoint: 'http', variables: { who: 'x' } })).code).toBe(
			'PC_INPUT_INVALID',
		);
	});
});

describe('over the network nobody chooses what runs', () => {
	const hostile = { command: '/bin/sh', args: ['-c', 'touch /tmp/x'], env: { A: 'b' } };

	it.each([
		['a command', { transport: 'stdio', ...hostile }],
		[
			'an installed program with arguments of their own',
			{ transport: 'stdio', runtime: PROGRAM, args: ['--eval', 'x'] },
		],
		['an installed program with variables of their own', { transport: 'stdio', runtime: PROGRAM, env: { WHO: 'x' } }],
		['a program of another runner', { transport: 'stdio', runtime: { runner: 'binary', package: 'sh' } }],
	])('not by a new server with %s', async (_, body) => {
		expect((await ask('POST', '/workspaces/google/servers', { slug: 'evil', ...body })).code).toBe('PC_OPERATOR_ONLY');
	});

	it.each([
		['its program', { runtime: { ...PROGRAM, package: 'other' } }],
		['its arguments', { args: ['x'] }],
		['its variables', { env: { WHO: 'x', NODE_OPTIONS: '--inspect' } }],
		['its program by a command', { runtime: null, command: 'sh' }],
		['what it may ask', { clientFeatures: ['roots'] }],
	])('not by changing of a service %s', async (_, change) => {
		expect((await ask('PATCH', '/workspaces/google/servers/keeper', change)).code).toBe('PC_OPERATOR_ONLY');
	});

	it.each(Object.entries(hostile))('not by %s beside a service', async (name, value) => {
		const body = { slug: 'evil', variables: { who: 'x' }, [name]: value };
		expect((await add('keeper', body)).code).toBe('PC_INPUT_INVALID');
	});

	it('but what is no matter of the program may change', async () => {
		expect((await ask('PATCH', '/workspaces/google/servers/keeper', { title: 'Kept' })).status).toBe(200);
	});
});

describe('a path that an administrator gives', () => {
	const open = (path: string, more?: object) =>
		add('opener', { slug: `o${Math.abs(hashOf(path))}`, variables: { who: 'x', folder: path } }, more);
	const hashOf = (text: string): number => [...text].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) | 0, 7);
	const root = (): string => join(folder, 'files', readdirSync(join(folder, 'files'))[0] ?? '');

	it('lies below the folder of the workspace, which is named by its id', async () => {
		const made = await open('notes/today');
		expect(made.status).toBe(201);
		const { id } = gateway.configuration.snapshots.current().workspaces.get('google') as { id: string };
		expect((made.json['args'] as string[])[1]).toBe(join(folder, 'files', id, 'notes/today'));
		expect(existsSync(join(folder, 'files', id, 'notes/today'))).toBe(true);
	});

	it.each(['/etc', '/', '..', '../', 'notes/../../x', '~/../..', '\u0000'])('and not elsewhere: %j', async (path) => {
		expect((await open(path)).code).toBe('PC_INPUT_INVALID');
	});

	it('nor behind a link that leads out', async () => {
		symlinkSync('/etc', join(root(), 'out'));
		expect((await open('out')).code).toBe('PC_INPUT_INVALID');
		expect((await open('out/ssl')).code).toBe('PC_INPUT_INVALID');
	});

	it('is for the operator where workspaces have no folders', async () => {
		expect((await open('notes', { by: bare })).code).toBe('PC_OPERATOR_ONLY');
	});
});
