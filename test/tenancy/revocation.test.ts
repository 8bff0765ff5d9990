import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { modern } from '../fakes/gateway.ts';
import type { Caller } from '../fakes/tenancy-caller.ts';
import {
	type Company,
	type CompanyPlan,
	type GrantEntry,
	type Person,
	startCompany,
} from '../fakes/tenancy-company.ts';
import { type Delivery, deliver, refusalIn, responseIn } from '../fakes/tenancy-wire.ts';
import { readStdioLog } from '../fakes/upstream.ts';

// What has been taken away is gone at once: the next call, the open stream, the running child.

/** For polling on a machine that is busy with other things. */
const PATIENT = { timeout: 20_000 };
const ADA: Person = { name: 'ada', groups: ['MCP-Google'] };
const GRANTS: readonly GrantEntry[] = [
	{ group: 'MCP-Google', workspace: 'google', access: 'write' },
	{ group: 'MCP-Microsoft', workspace: 'microsoft', access: 'write' },
];
const PLAN: CompanyPlan = {
	servers: {
		google: { child: 'stdio-legacy', old: 'http-legacy', fresh: 'http-modern', events: 'sse' },
		microsoft: { old: 'http-legacy', fresh: 'http-modern' },
	},
	grants: GRANTS,
};

let company: Company;
beforeEach(async () => {
	company = await startCompany(PLAN);
});
afterEach(() => company.close());

/** A stream that has no end of its own. */
interface Stream {
	/** Resolves when the first byte or, on a silent stream, the head is known to have come. */
	readonly opened: Promise<void>;
	readonly ended: Promise<Delivery>;
	text(): string;
}

async function openStream(person: Person, kind: 'GET' | 'listen', workspace = 'google'): Promise<Stream> {
	const path = `/w/${workspace}/s/${kind === 'GET' ? 'old' : 'fresh'}/mcp`;
	const caller = company.caller(person, kind === 'GET' ? 'legacy' : 'modern');
	let text = '';
	let open = (): void => undefined;
	const opened = new Promise<void>((resolve) => {
		open = resolve;
	});
	const onText = (soFar: string): void => {
		text = soFar;
		open();
	};
	const session = await caller.session(path);
	const url = company.gateway.url + path;
	if (kind === 'GET') {
		const headers = { ...caller.headers, accept: 'text/event-stream', 'mcp-session-id': session! };
		const ended = deliver(url, { method: 'GET', headers, onText, onHead: open });
		return { opened, ended, text: () => text };
	}
	const { body, headers } = modern('subscriptions/listen', { notifications: { toolsListChanged: true } });
	const ended = deliver(url, { headers: { ...caller.headers, ...headers }, body: JSON.stringify(body), onText });
	return { opened, ended, text: () => text };
}

const echo = async (caller: Caller, path: string, name = 'echo'): Promise<Delivery> =>
	caller.send(path, 'tools/call', { name, arguments: { text: 'hello' } });

function livingChildren(): readonly number[] {
	const log = readStdioLog(company.upstream('google', 'child').logPath!);
	const pids = log.flatMap(({ event, pid }) => (event === 'start' ? [pid!] : []));
	expect(pids).toHaveLength(1);
	return pids.filter(isAlive);
}

function isAlive(pid: number): boolean {
	try {
		return process.kill(pid, 0);
	} catch {
		return false;
	}
}

async function revoke(): Promise<void> {
	await company.gateway.reconfigure({ ...company.config(), grants: GRANTS.slice(1) });
}

describe('a stream without an end', () => {
	it.each(['GET', 'listen'] as const)('hears only of its own workspace (%s)', async (kind) => {
		const own = await openStream(ADA, kind);
		const foreign = await openStream({ name: 'ben', groups: ['MCP-Microsoft'] }, kind, 'microsoft');
		await Promise.all([own.opened, foreign.opened]);
		const path = `/w/google/s/${kind === 'GET' ? 'old' : 'fresh'}/mcp`;
		await company
			.caller(ADA, kind === 'GET' ? 'legacy' : 'modern')
			.send(path, 'tools/call', { name: 'toggle_tool', arguments: {} });
		await expect.poll(() => own.text(), PATIENT).toContain('tools/list_changed');
		expect(foreign.text()).not.toContain('list_changed');
	});

	it.each(['GET', 'listen'] as const)('ends when its person loses the workspace (%s)', async (kind) => {
		const stream = await openStream(ADA, kind);
		await stream.opened;
		await revoke();
		await stream.ended;
		const again = await echo(company.caller(ADA, 'modern'), '/w/google/s/fresh/mcp');
		expect(refusalIn(again)).toBe('PC_ADDRESS_UNKNOWN');
	});

	it.each(['GET', 'listen'] as const)('ends when its server is taken out of service (%s)', async (kind) => {
		const stream = await openStream(ADA, kind);
		await stream.opened;
		await company.gateway.reconfigure(company.config(() => ({ enabled: false })));
		await stream.ended;
	});
});

describe('a person who loses a workspace', () => {
	it.each(['legacy', 'modern'] as const)(
		'is a stranger from the next call on, with the same token and session (%s)',
		async (era) => {
			const caller = company.caller(ADA, era);
			const paths = ['child', 'old', 'fresh', 'events'].map((slug) => `/w/google/s/${slug}/mcp`);
			for (const path of paths) expect(responseIn(await echo(caller, path)).result).toBeDefined();
			expect(responseIn(await echo(caller, '/mcp', 'google__child__echo')).result).toBeDefined();
			await revoke();
			for (const path of [...paths, '/w/google/mcp']) {
				expect(refusalIn(await echo(caller, path)), path).toBe('PC_ADDRESS_UNKNOWN');
			}
			expect(refusalIn(await echo(caller, '/mcp', 'google__child__echo'))).toBe('PC_TOOL_UNKNOWN');
			expect(responseIn(await caller.send('/mcp', 'tools/list')).result.tools).toEqual([]);
		},
	);
});

describe('a server that is taken out of service', () => {
	it('answers nobody, and its child ends', async () => {
		const caller = company.caller(ADA, 'legacy');
		await echo(caller, '/w/google/s/child/mcp');
		await company.gateway.reconfigure(company.config(({ slug }) => ({ enabled: slug !== 'child' })));
		expect(refusalIn(await echo(caller, '/w/google/s/child/mcp'))).toBe('PC_ADDRESS_UNKNOWN');
		await expect.poll(livingChildren, PATIENT).toEqual([]);
	});

	it('lets a call in flight end, and keeps nothing else of it', async () => {
		const caller = company.caller(ADA, 'modern');
		let begun = (): void => undefined;
		const running = new Promise<void>((resolve) => {
			begun = resolve;
		});
		const params = { name: 'slow', arguments: { ms: 300, steps: 2 }, _meta: { progressToken: 1 } };
		const slow = caller.send('/w/google/s/child/mcp', 'tools/call', params, { onText: begun });
		await running;
		await company.gateway.reconfigure(company.config(({ slug }) => ({ enabled: slug !== 'child' })));
		expect((await slow).body).toContain('slow done');
		await expect.poll(livingChildren, PATIENT).toEqual([]);
	});
});
