import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modern, post } from '../fakes/gateway.ts';
import { type GatewayProcess, startGatewayProcess } from '../fakes/tenancy-process.ts';
import { closedPortUrl, type HttpFixture, startModernHttp, stdioServer } from '../fakes/upstream.ts';

// Secrets of every kind are planted in a gateway that is used in every way; then everything that it said, answered, counted
// and stored is searched for them.

const IS_LONG = process.env['PORTCULLIS_LONG'] !== undefined;
const MAIN = resolve(import.meta.dirname, '../../dist/main.js');
const WORKSPACES = ['google', 'microsoft'] as const;
const PEOPLE = WORKSPACES.flatMap((workspace) =>
	['ada', 'ben'].map((name) => ({ workspace, oid: `${name}-${workspace}` })),
);
/** How often everybody calls everything. */
const ROUNDS = IS_LONG ? 4 : 1;
/** Bytes that have to be searched at the least; most of them are files of the database. */
const LEAST_BYTES = 100_000_000;

/** Every planted secret by what it is. */
const canaries = new Map<string, string>();

function plant(what: string, value = `cnry-${randomBytes(18).toString('base64url')}`): string {
	canaries.set(what, value);
	return value;
}

/** Names of the secrets that stand in some bytes, as they are or in base64. */
function secretsIn(bytes: Buffer): readonly string[] {
	return [...canaries].filter(([, value]) => formsOf(value).some((form) => bytes.includes(form))).map(([what]) => what);
}

// In base64 a text has another form for each of three offsets; the ends depend on what stands beside them.
function formsOf(value: string): readonly string[] {
	const shifted = [0, 1, 2].map((offset) => {
		const text = Buffer.from('x'.repeat(offset) + value).toString('base64');
		return text.slice(offset === 0 ? 0 : 4, -4);
	});
	return [value, ...shifted];
}

let gateway: GatewayProcess;
let upstreams: readonly HttpFixture[];
let secretFiles: string;
const collected: Buffer[] = [];
const apiKeys: { readonly workspace: string; readonly text: string }[] = [];
const tokens = new Map<string, string>();

/** What was told once on purpose, and must be found nowhere else. */
const toldOnce: string[] = [];

function keep(text: string): string {
	collected.push(Buffer.from(text));
	return text;
}

beforeAll(async () => {
	secretFiles = mkdtempSync(join(tmpdir(), 'portcullis-canaries-'));
	const env: Record<string, string> = { PATH: process.env['PATH'] ?? '', HOME: secretFiles };
	upstreams = await Promise.all([
		startModernHttp({ canary: 'UP' }),
		startModernHttp({ canary: 'UP', requireHeader: { header: 'x-api-key', value: 'another' } }),
		startModernHttp({ canary: 'UP', hostile: { kind: 'html-500' } }),
	]);
	const down = await closedPortUrl();
	const ring = plant('wrapping key', randomBytes(32).toString('base64'));
	env['PORTCULLIS_KEYS'] = `ring:${ring}`;
	for (const name of ['AWS_SECRET_ACCESS_KEY', 'NPM_TOKEN', 'DATABASE_LISTEN_URL_PASSWORD']) env[name] = plant(name);
	env['OPEN_WEBUI'] = plant('secret of an Open WebUI', `cnry-${randomBytes(30).toString('base64url')}`);
	const workspaces = Object.fromEntries(
		WORKSPACES.map((workspace) => [workspace, { servers: serversOf(workspace, env, down) }]),
	);
	const grants = [
		...WORKSPACES.map((workspace) => ({ group: workspace, workspace, access: 'write' })),
		{ group: 'root', workspace: '*', access: 'admin' },
	];
	const openWebUi = { chat: { secret: '${env:OPEN_WEBUI}' } };
	gateway = await startGatewayProcess({ workspaces, grants, openWebUi }, env);
	tokens.set('root', plant('token of root', gateway.directory.token({ groups: ['root'], oid: 'root' })));
	for (const { oid, workspace } of PEOPLE) {
		tokens.set(oid, plant(`token of ${oid}`, gateway.directory.token({ groups: [workspace], oid })));
	}
});
afterAll(async () => {
	await gateway.close();
	await Promise.all(upstreams.map((upstream) => upstream.close()));
	rmSync(secretFiles, { recursive: true });
});

/** Servers of one workspace, whose secrets come from everywhere they can come from. */
function serversOf(workspace: string, env: Record<string, string>, down: string): object {
	const [well, refusing, failing] = upstreams.map(({ url }) => url) as [string, string, string];
	const fromEnv = (what: string): string => {
		const name = `${workspace}_${what}`.toUpperCase();
		env[name] = plant(`${what} of ${workspace} in the environment`);
		return `\${env:${name}}`;
	};
	writeFileSync(join(secretFiles, workspace), plant(`file of ${workspace}`));
	const http = (url: string, what: string) => ({ transport: 'http', url, headers: { 'x-api-key': fromEnv(what) } });
	const child = stdioServer({ canary: workspace });
	const print = 'console.error(JSON.stringify(process.env), process.env.KEY); process.exit(3)';
	return {
		plain: http(well, 'header'),
		refusing: http(refusing, 'refused'),
		failing: http(failing, 'failing'),
		down: http(down, 'down'),
		filed: {
			transport: 'http',
			url: well,
			headers: { authorization: `Bearer \${file:${join(secretFiles, workspace)}}` },
		},
		child: { transport: 'stdio', ...child, env: { KEY: fromEnv('child') } },
		printing: { transport: 'stdio', command: process.execPath, args: ['-e', print], env: { KEY: fromEnv('printing') } },
		kept: {
			transport: 'http',
			url: well,
			headers: { authorization: 'Token ${secret:token}', 'x-org': '${secret:org}' },
		},
		queried: { transport: 'http', url: `${well}?key=\${secret:key}` },
		own: {
			transport: 'http',
			url: well,
			credential: 'principal',
			headers: { authorization: 'Bearer ${secret:token}' },
		},
		wrong: { transport: 'http', url: refusing, headers: { 'x-api-key': '${secret:token}' } },
		keptchild: { transport: 'stdio', ...child, credential: 'principal-or-workspace', env: { KEY: '${secret:key}' } },
	} satisfies Record<string, object> as object;
}

const bearer = (who: string) => ({ authorization: `Bearer ${tokens.get(who)}` });

async function api(who: string, method: string, path: string, body?: object): Promise<string> {
	const headers = {
		...bearer(who),
		...(body && { 'content-type': 'application/json' }),
		...(method === 'PUT' && { 'if-none-match': '*' }),
	};
	const sent = { method, headers, body: body === undefined ? null : JSON.stringify(body) };
	const response = await fetch(`${gateway.url}/api/v1${path}`, sent);
	return response.text();
}

async function keepSecret(who: string, path: string, names: readonly string[]): Promise<void> {
	const values = Object.fromEntries(names.map((name) => [name, plant(`kept ${name} at ${path} of ${who}`)]));
	const answer = keep(await api(who, 'PUT', path, { values }));
	expect(answer).toContain('"names"');
}

async function plantKept(workspace: string): Promise<void> {
	const at = (server: string, kind = 'credential') => `/workspaces/${workspace}/servers/${server}/${kind}`;
	await keepSecret('root', at('kept'), ['token', 'org']);
	await keepSecret('root', at('queried'), ['key']);
	await keepSecret('root', at('wrong'), ['token']);
	await keepSecret('root', at('keptchild'), ['key']);
	for (const { oid } of PEOPLE.filter((person) => person.workspace === workspace)) {
		await keepSecret(oid, at('own', 'own-credential'), ['token']);
	}
}

async function makeKeys(workspace: string): Promise<void> {
	for (const kind of ['service', 'open-webui'] as const) {
		const of = kind === 'open-webui' ? { openWebUi: { instance: 'chat' } } : {};
		const told = await api('root', 'POST', `/workspaces/${workspace}/keys`, {
			kind,
			name: kind,
			level: 'write',
			...of,
		});
		const { key } = JSON.parse(told) as { readonly key: string };
		apiKeys.push({ workspace, text: plant(`${kind} key of ${workspace}`, key) });
		toldOnce.push(told);
	}
}

const SERVERS = [
	...[
		'plain',
		'refusing',
		'failing',
		'down',
		'filed',
		'child',
		'printing',
		'kept',
		'queried',
		'own',
		'wrong',
		'keptchild',
	],
];

/** One call in every way there is; whatever comes of it is kept. */
async function callEverything(workspace: string, authorization: string): Promise<void> {
	for (const server of SERVERS) {
		const at = `${gateway.url}/w/${workspace}/s/${server}`;
		const { body, headers } = modern('tools/call', { name: 'echo', arguments: { text: 'hello' } });
		const spoken = await post(`${at}/mcp`, body, {
			authorization,
			...headers,
			cookie: `sid=${canaries.get('cookie')}`,
		});
		keep(spoken.text);
		const posted = { method: 'POST', headers: { authorization, 'content-type': 'application/json' } };
		const answers = [
			fetch(`${at}/echo`, { ...posted, body: '{"text":"hello"}' }),
			fetch(`${at}/echo`, { ...posted, body: '{"text":7,' }),
			fetch(`${at}/nothing?access_token=${encodeURIComponent(authorization)}`, { ...posted, body: '{}' }),
			fetch(`${at}/openapi.json`, { headers: { authorization } }),
		];
		for (const answer of answers) keep(await (await answer).text());
	}
	const { body, headers } = modern('tools/list', {});
	keep((await post(`${gateway.url}/w/${workspace}/mcp`, body, { authorization, ...headers })).text);
	keep((await post(`${gateway.url}/mcp`, body, { authorization, ...headers })).text);
}

async function readEverything(who: string, workspace: string): Promise<void> {
	const of = `/workspaces/${workspace}`;
	const paths = [
		...[
			'/me',
			'/workspaces',
			`${of}/servers`,
			`${of}/credentials`,
			`${of}/keys`,
			`${of}/audit`,
			`${of}/usage`,
			`${of}/tools`,
		],
		...SERVERS.flatMap((server) => [`${of}/servers/${server}`, `${of}/servers/${server}/credential`]),
		...SERVERS.map((server) => `${of}/explain?server=${server}&tool=echo`),
		...['/platform/settings', '/platform/audit', '/config', '/openapi.json'],
	];
	for (const path of paths) keep(await api(who, 'GET', path));
	keep(await (await fetch(`${gateway.operatorUrl}/metrics`)).text());
}

/** The command line as an administrator uses it; its output, whatever its exit code. */
async function command(...args: readonly string[]): Promise<void> {
	const env = {
		PATH: process.env['PATH'] ?? '',
		PORTCULLIS_URL: gateway.url,
		PORTCULLIS_TOKEN: tokens.get('root') ?? '',
	};
	const run = promisify(execFile)(process.execPath, [MAIN, ...args], { env, cwd: secretFiles });
	const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error);
	keep(stdout + stderr);
}

/** What everybody on the machine sees of every process. */
function commandLines(): Buffer {
	const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
	const lines = processes.map((pid) => {
		try {
			return readFileSync(`/proc/${pid}/cmdline`);
		} catch {
			return Buffer.alloc(0); // it has ended meanwhile
		}
	});
	return Buffer.concat(lines);
}

function filesBelow(folder: string): readonly Buffer[] {
	const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
	return files.map((entry) => readFileSync(join(entry.parentPath, entry.name)));
}

describe('secrets', () => {
	it('of every kind are planted where they can be', async () => {
		plant('cookie');
		for (const workspace of WORKSPACES) {
			await plantKept(workspace);
			await makeKeys(workspace);
		}
		plant('expired token', gateway.directory.token({ groups: ['google'], oid: 'late', exp: 1_000_000_000 }));
		plant('foreign bearer');
		expect(canaries.size).toBeGreaterThanOrEqual(40);
		expect(secretsIn(Buffer.from(toldOnce.join('\n')))).toHaveLength(apiKeys.length);
		const encoded = Buffer.from(`{"a":"${canaries.get('cookie')}"}`).toString('base64');
		expect(secretsIn(Buffer.from(encoded))).toEqual(['cookie']);
	});

	it('reach the servers they are for', async () => {
		for (const { oid, workspace } of PEOPLE) await callEverything(workspace, `Bearer ${tokens.get(oid)}`);
		const sent = Buffer.from(JSON.stringify(upstreams.flatMap(({ seen }) => seen)));
		const found = secretsIn(sent);
		const isSent = (what: string): boolean =>
			/^(header|refused|failing|file) of |^kept (token|org|key) at .*\/(kept|queried|own|wrong)\//.test(what);
		expect(found.toSorted()).toEqual([...canaries.keys()].filter(isSent).toSorted());
	});

	it('stand nowhere else: in no log, answer, record, count, table, file or command line', {
		timeout: 300_000,
	}, async () => {
		for (const text of [canaries.get('foreign bearer'), canaries.get('expired token')]) {
			await callEverything('google', `Bearer ${text}`);
			tokens.set('nobody', text ?? '');
			await readEverything('nobody', 'google');
		}
		for (const { workspace, text } of apiKeys) await callEverything(workspace, `Bearer ${text}`);
		for (const workspace of WORKSPACES) {
			for (const who of ['root', `ada-${workspace}`]) await readEverything(who, workspace);
		}
		for (const args of [
			['export'],
			['credential', 'list', 'google'],
			['server', 'list', 'google'],
			['key', 'list', 'google'],
		]) {
			await command(...args);
		}
		const running = commandLines();
		for (let round = 1; round < ROUNDS; round += 1) {
			await Promise.all(PEOPLE.map(({ oid, workspace }) => callEverything(workspace, `Bearer ${tokens.get(oid)}`)));
			await readEverything('root', 'google');
		}
		await gateway.stop();
		const places: Readonly<Record<string, readonly Buffer[]>> = {
			log: [Buffer.from(gateway.output())],
			answers: collected,
			tables: [Buffer.from(await gateway.stored())],
			files: filesBelow(gateway.folder),
			'command lines': [running],
		};
		const found = Object.entries(places).map(([place, all]) => [place, [...new Set(all.flatMap(secretsIn))]]);
		expect(Object.fromEntries(found)).toEqual(Object.fromEntries(Object.keys(places).map((place) => [place, []])));
		const bytes = Object.values(places)
			.flat()
			.reduce((sum, { length }) => sum + length, 0);
		expect(bytes).toBeGreaterThan(LEAST_BYTES);
	});
});
