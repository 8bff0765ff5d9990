import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Caller, createCaller, ERAS, type Era } from '../fakes/tenancy-caller.ts';
import { marksIn } from '../fakes/tenancy-canary.ts';
import { environmentOf, type Person, type Servers, startServers } from '../fakes/tenancy-company.ts';
import { type AddressKind, nameAt, pathAt } from '../fakes/tenancy-matrix.ts';
import { type GatewayProcess, startGatewayProcess } from '../fakes/tenancy-process.ts';
import type { Build, Upstream } from '../fakes/tenancy-upstream.ts';
import { bytesOf, type Delivery, deliver, refusalIn, responseIn } from '../fakes/tenancy-wire.ts';
import {
	closedPortUrl,
	type HttpFixture,
	type HttpFixtureOptions,
	readStdioLog,
	startLegacyHttp,
	startModernHttp,
	startRecorder,
} from '../fakes/upstream.ts';

const BUILDS: readonly Build[] = [
	'stdio-legacy',
	'stdio-modern',
	'http-legacy',
	'http-sessionless',
	'http-modern',
	'sse',
];
const ADDRESSES: readonly AddressKind[] = ['server', 'workspace', 'all'];
const PEOPLE: readonly Person[] = [
	{ name: 'oid-of-google-ada', groups: ['MCP-Google'] },
	{ name: 'oid-of-microsoft-ben', groups: ['MCP-Microsoft'] },
	{ name: 'oid-of-both-cleo', groups: ['MCP-Google', 'MCP-Microsoft'] },
];
/** Has a workspace in which every server but one is broken. */
const DAN: Person = { name: 'oid-of-broken-dan', groups: ['MCP-Broken'] };

/** What a caller sends that is nobody's business but the gateway's, or not even that. */
const HOSTILE = 'HOSTILE-7f3a9c';
const HOSTILE_HEADERS: Readonly<Record<string, string>> = Object.fromEntries(
	[
		...['cookie', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-user', 'x-forwarded-email', 'forwarded', 'via'],
		...['x-user-email', 'x-user-id', 'x-user-name', 'x_user_groups', 'x-openwebui-user-email', 'x-openwebui-user-id'],
		...['x-api-key', 'X-Api-Key2', 'api-key', 'x-auth-token', 'proxy-authorization', 'x-auth-request-access-token'],
		...['x-workspace', 'x-portcullis-workspace', 'x-original-url', 'x-upstream', 'x-real-ip', 'referer', 'user-agent'],
		...['x-http-method-override', 'traceparent', 'baggage', 'x-request-id', 'mcp-workspace', 'mcp-upstream', 'from'],
	].map((name) => [name, HOSTILE]),
);

/** All of our environment that children may see. */
const HARMLESS = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', LANG: 'C.UTF-8', TZ: 'UTC', TMPDIR: '/tmp' };
/** What else stands in the gateway's environment. */
const PRIVATE = {
	AWS_SECRET_ACCESS_KEY: 'SECRET_operator_aws',
	DATABASE_LISTEN_URL: 'postgres://portcullis_app:SECRET_operator_database@127.0.0.1:1/portcullis',
	HTTP_PROXY: 'http://SECRET_operator_proxy@127.0.0.1:1',
	NPM_TOKEN: 'SECRET_operator_npm',
};

let servers: Servers;
let gateway: GatewayProcess;
let recorder: Awaited<ReturnType<typeof startRecorder>>;
let broken: readonly HttpFixture[];
const tokens = new Map<string, string>();
const answers: string[] = [];

beforeAll(async () => {
	const builds = Object.fromEntries(BUILDS.map((build) => [build, build]));
	servers = await startServers({
		servers: { google: builds, microsoft: builds, broken: {} },
		grants: [
			{ group: 'MCP-Google', workspace: 'google', access: 'write' },
			{ group: 'MCP-Microsoft', workspace: 'microsoft', access: 'write' },
			{ group: 'MCP-Broken', workspace: 'broken', access: 'write' },
		],
	});
	recorder = await startRecorder();
	const env = { ...HARMLESS, ...PRIVATE, ...environmentOf(servers.secrets) };
	gateway = await startGatewayProcess(await withBrokenServers(), env);
	for (const { name, groups } of [...PEOPLE, DAN]) tokens.set(name, gateway.directory.token({ groups, oid: name }));
});
afterAll(async () => {
	await gateway.close();
	await Promise.all([...broken, recorder, servers].map((each) => each.close()));
});

/** The configuration, with a workspace of servers that fail in every way that could make somebody talk. */
async function withBrokenServers(): Promise<Readonly<Record<string, unknown>>> {
	const config = servers.config() as { workspaces: Record<string, { servers: object }>; grants: unknown };
	const start = (options: HttpFixtureOptions): Promise<HttpFixture> =>
		startModernHttp({ canary: 'BROKEN', ...options });
	const bearer = { header: 'authorization', value: `Bearer ${servers.secrets['broken']}` };
	broken = await Promise.all([
		start({ requireHeader: bearer }),
		start({ requireHeader: { header: 'x-api-key', value: 'another', challenge: 'Bearer realm="BROKEN"' } }),
		start({ hostile: { kind: 'redirect', location: recorder.url, status: 307 } }),
		start({ hostile: { kind: 'html-500' } }),
		startLegacyHttp({ hostile: { kind: 'wrong-content-type' }, canary: 'BROKEN' }),
	]);
	const [, refusing, redirecting, failing, strange] = broken.map(({ url }) => ({
		transport: 'http',
		url,
		headers: KEY,
	}));
	const print = 'console.error(JSON.stringify(process.env), process.env.API_KEY); process.exit(3)';
	const added = {
		bearer: { transport: 'http', url: broken[0]!.url, headers: { authorization: `Bearer ${KEY['x-api-key']}` } },
		...{ refusing, redirecting, failing, strange },
		down: { transport: 'http', url: await closedPortUrl(), headers: KEY },
		printing: {
			transport: 'stdio',
			command: process.execPath,
			args: ['-e', print],
			env: { API_KEY: KEY['x-api-key'] },
		},
		absent: { transport: 'stdio', command: '/nonexistent/program', env: { API_KEY: KEY['x-api-key'] } },
	};
	config.workspaces['broken'] = { servers: added };
	return config;
}

const KEY = { 'x-api-key': '${env:KEY_OF_BROKEN}' };

function callerOf({ name }: Person, era: Era): Caller {
	return createCaller({ url: gateway.url, token: tokens.get(name)!, era, headers: HOSTILE_HEADERS });
}

async function keep(answer: Delivery): Promise<Delivery> {
	answers.push(bytesOf(answer));
	return answer;
}

const workspacesOf = ({ groups }: Person): readonly string[] => groups.map((group) => group.slice(4).toLowerCase());

/** Asks a server who called it, in one way. */
async function whoami(person: Person, era: Era, { workspace, slug }: Upstream, address: AddressKind): Promise<unknown> {
	const place = { workspace, server: slug, suffix: '' };
	const params = { name: nameAt(address, place, 'whoami'), arguments: {} };
	const answer = await callerOf(person, era).send(pathAt(address, place), 'tools/call', params);
	return JSON.parse(responseIn(answer).result?.content[0].text ?? JSON.stringify(answer.body));
}

describe('a server', () => {
	it.each(PEOPLE.map((person) => [person.name, person] as const))(
		'sees the key of its own workspace and nothing of %s',
		async (_name, person) => {
			const own = servers.upstreams.filter(({ workspace }) => workspacesOf(person).includes(workspace));
			for (const upstream of own) {
				for (const era of ERAS) {
					for (const address of ADDRESSES) expectOwnKey(upstream, await whoami(person, era, upstream, address));
				}
			}
			expect(own.length).toBe(BUILDS.length * person.groups.length);
		},
	);

	function expectOwnKey({ workspace, build }: Upstream, shown: unknown): void {
		const secret = servers.secrets[workspace]!;
		// A child sees this and nothing else of our environment.
		if (build.startsWith('stdio')) expect(shown).toEqual({ ...HARMLESS, API_KEY: secret });
		else expect(shown).toMatchObject({ 'x-api-key': secret });
		expect(marksIn(JSON.stringify(shown))).toEqual([secret]);
	}

	it('that wants a bearer token gets the one of the workspace', async () => {
		const params = { name: 'whoami', arguments: {} };
		for (const era of ERAS) {
			const answer = await callerOf(DAN, era).send('/w/broken/s/bearer/mcp', 'tools/call', params);
			const shown = JSON.parse(responseIn(answer).result.content[0].text) as Record<string, string>;
			expect(shown['authorization']).toBe(`Bearer ${servers.secrets['broken']}`);
		}
	});
});

describe('what everybody is answered', () => {
	const METHODS = ['initialize', 'server/discover', 'tools/list', 'prompts/list', 'resources/list', 'nonesuch', 'ping'];
	const TOOLS = ['echo', 'fail', 'rpcError', 'exotic', 'nonesuch'];

	it('holds no key, however the call ends', async () => {
		for (const person of PEOPLE) {
			for (const era of ERAS) {
				const caller = callerOf(person, era);
				for (const { workspace, slug } of servers.upstreams) {
					const place = { workspace, server: slug, suffix: '' };
					for (const address of ADDRESSES) {
						const path = pathAt(address, place);
						for (const method of METHODS) await keep(await caller.send(path, method, {}));
						for (const tool of TOOLS) {
							const params = { name: nameAt(address, place, tool), arguments: { text: 'x' } };
							await keep(await caller.send(path, 'tools/call', params));
						}
					}
				}
			}
		}
	});

	it.each(ERAS)('names no cause when a server fails (%s)', async (era) => {
		const codes = new Map<string, string | undefined>();
		for (const slug of ['refusing', 'redirecting', 'failing', 'strange', 'down', 'printing', 'absent']) {
			const params = { name: 'echo', arguments: { text: 'x' } };
			const path = `/w/broken/s/${slug}/mcp`;
			const answer = await keep(await callerOf(DAN, era).send(path, 'tools/call', params, { sessionless: true }));
			codes.set(slug, refusalIn(answer));
			expect(bytesOf(answer)).not.toMatch(/BROKEN|ECONN|ENOENT|realm|nonexistent/);
		}
		expect(Object.fromEntries(codes)).toEqual({
			refusing: 'PC_UPSTREAM_REFUSED',
			redirecting: 'PC_UPSTREAM_REDIRECT',
			failing: 'PC_UPSTREAM_FAILED',
			strange: 'PC_UPSTREAM_INVALID',
			down: 'PC_UPSTREAM_UNREACHABLE',
			printing: expect.stringMatching(/^PC_UPSTREAM_(CRASHED|STARTING)$/),
			absent: expect.stringMatching(/^PC_UPSTREAM_(UNREACHABLE|STARTING)$/),
		});
		expect(recorder.seen).toEqual([]);
	});

	it('holds no key when the token or the body is broken', async () => {
		const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
		const token = tokens.get(PEOPLE[0]!.name)!;
		const bearers = ['', 'Bearer', 'Bearer x', `Bearer ${token}x`, `Bearer ${token.slice(0, -5)}`, `Basic ${token}`];
		const expired = gateway.directory.token({ groups: ['MCP-Google'], exp: 1, oid: PEOPLE[0]!.name });
		tokens.set('expired', expired);
		// The last one is signed in, and puts its token where a name belongs.
		for (const authorization of [...bearers, `Bearer ${expired}`, `Bearer ${token}`]) {
			for (const sent of [body, '{', token, JSON.stringify({ jsonrpc: '2.0', id: 1, method: token })]) {
				const headers = { ...HOSTILE_HEADERS, 'content-type': 'application/json', authorization };
				await keep(await deliver(`${gateway.url}/mcp`, { headers, body: sent }));
			}
		}
	});
});

describe('afterwards', () => {
	const privates = Object.values(PRIVATE).map((text) => /SECRET_\w+/.exec(text)![0]);
	const secrets = (): readonly string[] => [...Object.values(servers.secrets), ...privates];
	/** The tokens and each of their parts; all tokens have the same header. */
	const tokenParts = (): readonly string[] => [...new Set([...tokens.values()].flatMap((token) => token.split('.')))];
	const found = (text: string, wanted: readonly string[]) => wanted.filter((each) => text.includes(each));

	it('no answer holds a key or a token', () => {
		expect(answers.length).toBeGreaterThan(2_000);
		expect(answers.filter((text) => found(text, [...secrets(), ...tokenParts()]).length > 0)).toEqual([]);
		expect(answers.filter((text) => text.includes(HOSTILE))).toEqual([]);
	});

	it('no server has seen a token, a cookie, or any other header of a caller, or who the caller is', () => {
		const names = [...PEOPLE, DAN].map(({ name }) => name);
		for (const upstream of servers.upstreams) {
			const text = upstream.news();
			expect(text.length).toBeGreaterThan(1_000);
			expect(found(text, [HOSTILE, ...tokenParts(), ...names]), upstream.slug).toEqual([]);
			const foreign = Object.entries(servers.secrets).filter(([workspace]) => workspace !== upstream.workspace);
			expect(found(text, [...foreign.map(([, secret]) => secret), ...privates])).toEqual([]);
		}
	});

	it('every request that a server has seen is made of the headers of MCP and the key, nothing else', () => {
		const expected =
			/^(?:host|connection|accept|content-type|content-length|x-api-key|mcp-(?:protocol-version|method|name|session-id))$/;
		for (const { seen, workspace, slug } of servers.upstreams) {
			const strangers = seen.flatMap(({ headers }) => Object.keys(headers).filter((name) => !expected.test(name)));
			expect([...new Set(strangers)], slug).toEqual([]);
			const keys = new Set(seen.map(({ headers }) => headers['x-api-key']));
			if (seen.length > 0) expect([...keys]).toEqual([servers.secrets[workspace]]);
		}
		for (const { seen } of broken) expect(JSON.stringify(seen.map(({ headers }) => headers))).not.toContain(HOSTILE);
	});

	it('the audit trail, the log and the metrics hold neither keys nor tokens', async () => {
		const metrics = await (await fetch(`${gateway.operatorUrl}/metrics`)).text();
		for (const text of [gateway.spooled(), gateway.output(), metrics]) {
			expect(text.length).toBeGreaterThan(1_000);
			expect(found(text, [...secrets(), ...tokenParts(), HOSTILE])).toEqual([]);
		}
		expect(found(metrics, [...PEOPLE.map(({ name }) => name), 'google', 'microsoft'])).toEqual([]);
		// The control: the child that printed its environment did reach the log.
		expect(gateway.output()).toMatch(/"server":"printing".*\[secret\]/);
		expect(gateway.spooled()).toContain(PEOPLE[0]!.name);
	});

	it('no argument of a child held a key, and no child outlives the gateway', async () => {
		const pids = servers.upstreams.flatMap(({ logPath }) =>
			logPath === undefined ? [] : readStdioLog(logPath).flatMap(({ event, pid }) => (event === 'start' ? [pid!] : [])),
		);
		expect(pids).toHaveLength(4);
		if (process.platform === 'linux') {
			for (const pid of pids) expect(found(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), secrets())).toEqual([]);
		}
		expect(await gateway.stop()).toBe(0);
		const alive = pids.filter((pid) => {
			try {
				return process.kill(pid, 0);
			} catch {
				return false;
			}
		});
		expect(alive).toEqual([]);
		expect(found(gateway.output(), [...secrets(), ...tokenParts()])).toEqual([]);
	});

	it('no value in the database and no file of the spool holds a key, a token, or what a caller had no business to say', async () => {
		const stored = await gateway.stored();
		expect(found(stored, [...secrets(), ...tokenParts(), HOSTILE])).toEqual([]);
		// The control: who called, and what the file says in place of a key, are there.
		const references = Object.keys(environmentOf(servers.secrets)).map((name) => `\${env:${name}}`);
		expect(
			found(
				stored,
				[...PEOPLE, DAN].map(({ name }) => name),
			),
		).toHaveLength(PEOPLE.length + 1);
		expect(found(stored, references)).toEqual(references);
		expect(found(await gateway.audit(), [...secrets(), ...tokenParts(), HOSTILE])).toEqual([]);
	});
});
