import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OAuth } from '../../src/credentials/oauth/create-oauth.ts';
import { modern, type PlainAnswer, post } from '../fakes/gateway.ts';
import { type ConnectingWorld, startConnectingWorld } from '../fakes/oauth/connecting-world.ts';
import { type GatewayProcesses, said, startGatewayProcesses } from '../fakes/oauth/gateway-processes.ts';
import { type OAuthService, startOAuthService } from '../fakes/oauth/third-party.ts';

let service: OAuthService;
let graceful: OAuthService;
let world: ConnectingWorld;
let oauth: OAuth;
beforeAll(async () => {
	[service, graceful] = await Promise.all([startOAuthService(), startOAuthService({ rotation: 'grace' })]);
	world = await startConnectingWorld({
		google: { files: service },
		microsoft: { files: service },
		mild: { files: graceful },
	});
	oauth = world.process();
});
afterAll(async () => {
	await world.close();
	await Promise.all([service.close(), graceful.close()]);
});

const connect = (name: string, workspace: string, login = name): Promise<unknown> =>
	world.connect(oauth, { person: world.person(name, [workspace]), workspace, server: 'files', login });

function ask(name: string, workspace: string, method = 'tools/call'): Promise<PlainAnswer> {
	const { body, headers } = modern(method, method === 'tools/call' ? { name: 'who_am_i', arguments: {} } : {});
	const authorization = `Bearer ${world.tokenOf(name, [workspace])}`;
	return post(`${world.gateway.url}/w/${workspace}/s/files/mcp`, body, { ...headers, authorization });
}

/** What the gateway in this process knows by now of a connection that was made beside it. */
async function call(name: string, workspace: string): Promise<string> {
	await world.gateway.configuration.snapshots.refresh();
	return said(await ask(name, workspace));
}

const AT = { workspace: 'google', server: 'files' } as const;

const sent = (from: number): readonly string[] => service.mcp.presented.slice(from).filter((each) => each !== '');

describe('people who have connected their accounts', () => {
	it('call with their own, two of one workspace and one of another, and never with what they came with', async () => {
		const logins = [
			['ada', 'google', 'ada-at-service'],
			['bob', 'google', 'bob-at-service'],
			['ada', 'microsoft', 'ada-elsewhere'],
		] as const;
		for (const [name, workspace, login] of logins) await connect(name, workspace, login);
		const from = service.mcp.presented.length;
		for (const [name, workspace, login] of logins) expect(await call(name, workspace)).toBe(login);
		const tokens = new Set(sent(from));
		expect(tokens.size).toBe(3);
		for (const [name, workspace] of logins) {
			const own = world.tokenOf(name, [workspace]);
			for (const token of tokens) expect(token).not.toContain(own.split('.')[1]);
		}
		for (const token of tokens)
			expect(await service.introspect(token.slice(7))).toMatchObject({ aud: service.mcp.url });
	});

	it('are asked to connect where they have not, and nothing goes to the server', async () => {
		const from = service.mcp.presented.length;
		expect(await call('nobody', 'google')).toContain('connect');
		expect(service.mcp.presented).toHaveLength(from);
	});

	it('leave no token in the audit', async () => {
		await connect('audited', 'google');
		await call('audited', 'google');
		await world.gateway.shipped();
		const rows = await world.query<{ text: string }>('select a::text as text from portcullis.audit_event a');
		const text = rows.map((row) => row.text).join('');
		expect(text).toContain('principal:google/files#');
		for (const token of new Set(service.mcp.presented)) if (token !== '') expect(text).not.toContain(token.slice(7));
	});
});

describe('a token that the server refuses before its time', () => {
	const refuse = async (name: string): Promise<void> => {
		await connect(name, 'google');
		expect(await call(name, 'google')).toBe(name);
		service.mcp.refuse(service.mcp.presented.at(-1)?.slice(7) ?? '');
	};

	it('is renewed, and the call is left to its caller, who is told', async () => {
		await refuse('early');
		const from = service.mcp.presented.length;
		expect(said(await ask('early', 'google'))).toBe('PC_OAUTH_RENEWED');
		expect(sent(from)).toHaveLength(1);
		await expect.poll(async () => said(await ask('early', 'google'))).toBe('early');
	});
});

describe('a server that wants more scopes', () => {
	it('lets the caller know that the account has to be connected again', async () => {
		await connect('scoped', 'google');
		service.mcp.demand('mcp:write');
		try {
			expect(await call('scoped', 'google')).toBe('PC_OAUTH_SCOPE');
			const begin = () => oauth.connections.begin(world.person('scoped', ['google']), AT, 's');
			await expect.poll(async () => (await begin()).url).toContain('mcp%3Awrite');
			await connect('scoped', 'google');
			expect(await call('scoped', 'google')).toBe('scoped');
		} finally {
			service.mcp.demand(undefined);
		}
	});
});

describe('gateways in processes of their own', () => {
	let processes: GatewayProcesses;
	beforeAll(async () => {
		processes = await startGatewayProcesses(world, 3);
	});
	afterAll(() => processes.close());

	const LIFE_S = 6;
	/** Somebody connected whose token ends soon; what is issued next lasts. */
	const connectShortly = async (name: string, workspace: string, at: OAuthService): Promise<string> => {
		at.server.setAccessSeconds(LIFE_S);
		await connect(name, workspace);
		at.server.setAccessSeconds(3_600);
		return world.tokenOf(name, [workspace]);
	};
	const ended = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, LIFE_S * 1_000));

	it('renew once among them when 200 calls at a time meet the end of a token', async () => {
		const token = await connectShortly('many', 'google', service);
		// Each of the three knows the token before it ends.
		const all = () => Promise.all([0, 1, 2].map((index) => processes.whoAmI(index, token)));
		await expect.poll(all).toEqual(['many', 'many', 'many']);
		await ended();
		const before = service.server.granted('refresh_token');
		const calls = Array.from({ length: 200 }, (_, index) => processes.whoAmI(index % 3, token));
		expect(new Set(await Promise.all(calls))).toEqual(new Set(['many']));
		expect(service.server.granted('refresh_token') - before).toBe(1);
	});

	it('lose no connection when one is killed while it renews, where the service forgives an answer that was lost', async () => {
		const token = await connectShortly('killed', 'mild', graceful);
		await ended();
		const gate = graceful.server.hold('after');
		const lost = processes.whoAmI(2, token, 'mild').catch(() => 'lost');
		await gate.arrived;
		await processes.kill(2);
		gate.release();
		expect(await lost).toBe('lost');
		expect(await processes.whoAmI(0, token, 'mild')).toBe('killed');
		expect(await processes.whoAmI(1, token, 'mild')).toBe('killed');
		const [row] = await world.query('select state from portcullis.credential where oid = $1', ['killed']);
		expect(row).toEqual({ state: 'ok' });
	});

	it('say that the account has to be connected again, where the service takes a refresh token once and the answer was lost', async () => {
		const token = await connectShortly('unlucky', 'google', service);
		await ended();
		const gate = service.server.hold('after');
		const lost = processes.whoAmI(1, token).catch(() => 'lost');
		await gate.arrived;
		await processes.kill(1);
		gate.release();
		expect(await lost).toBe('lost');
		expect(await processes.whoAmI(0, token)).toBe('PC_OAUTH_ENDED');
		const person = world.person('unlucky', ['google']);
		const [files] = await oauth.connections.list(person);
		expect(files).toMatchObject({ state: 'needs-attention', needsAttention: expect.stringContaining('Connect') });
		await connect('unlucky', 'google');
		await expect.poll(() => processes.whoAmI(0, token)).toBe('unlucky');
	});

	it('log no token', () => {
		const output = processes.output();
		for (const token of [...service.mcp.presented, ...graceful.mcp.presented].filter((each) => each !== '')) {
			expect(output).not.toContain(token.slice(7));
		}
	});
});
