import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AccessLevel, ToolRule } from '../../src/config/snapshot.ts';
import { exposedName } from '../../src/mcp/names.ts';
import { createBehaviour } from '../fakes/mcp/behaviour.mjs';
import { type Caller, ERAS, type Era } from '../fakes/tenancy-caller.ts';
import { type Company, startCompany } from '../fakes/tenancy-company.ts';
import { type AddressKind, pathAt, TOOLSET } from '../fakes/tenancy-matrix.ts';
import type { Build } from '../fakes/tenancy-upstream.ts';
import { refusalIn, responseIn } from '../fakes/tenancy-wire.ts';
import { type GivenKey, makeGivenKey } from '../fakes/with-keys.ts';

const SERVERS = {
	child: 'stdio-legacy',
	offspring: 'stdio-modern',
	old: 'http-legacy',
	fresh: 'http-modern',
	events: 'sse',
} as const satisfies Record<string, Build>;
const SLUGS = Object.keys(SERVERS) as (keyof typeof SERVERS)[];
const GROUPS: Readonly<Record<AccessLevel, string>> = { read: 'Readers', write: 'Writers', admin: 'Admins' };
const LEVELS = Object.keys(GROUPS) as AccessLevel[];
const ADDRESSES: readonly AddressKind[] = ['server', 'workspace', 'toolset', 'all'];

/** How somebody comes: with a token, with a key of the workspace, or with one for some of its servers. */
const COMINGS = ['token', 'key', 'key for some'] as const;
const SOME: readonly string[] = ['child', 'fresh', 'old'];
const KEYS: ReadonlyMap<string, GivenKey> = new Map(
	LEVELS.flatMap((level) => [
		[`key ${level}`, makeGivenKey({ workspace: 'google', level })] as const,
		[`key for some ${level}`, makeGivenKey({ workspace: 'google', level, servers: SOME })] as const,
	]),
);

/** Every tool that each server really has. */
const TOOLS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
	SLUGS.map((slug) => {
		const behaviour = createBehaviour({}, { broadcast: () => undefined });
		const era = ['stdio-modern', 'http-modern'].includes(SERVERS[slug]) ? 'modern' : 'legacy';
		return [slug, behaviour.listTools(era).map(({ name }) => name)];
	}),
);
const ALL_TOOLS = [...new Set(Object.values(TOOLS).flat())];

/** Tools of the toolset at the moment, as `server/tool`. */
let picked: readonly string[] = [];
const ALL_PATHS = SLUGS.flatMap((slug) => TOOLS[slug]!.map((name) => `${slug}/${name}`));
const toolsetOf = (tools: readonly string[]) => ({ toolsets: { [TOOLSET]: { tools } } });

let company: Company;
beforeAll(async () => {
	const grants = LEVELS.map((access) => ({ group: GROUPS[access], workspace: 'google', access }));
	const workspaceOf = (workspace: string) => (workspace === 'google' ? toolsetOf(picked) : {});
	const servers = { google: SERVERS, microsoft: { other: 'stdio-modern' } } as const;
	company = await startCompany({ servers, grants, workspaceOf, keys: [...KEYS.values()] });
});
afterAll(() => company.close());

const RULE = fc.record(
	{
		enabled: fc.boolean(),
		minimumLevel: fc.constantFrom(...LEVELS),
		readable: fc.boolean(),
		// No tool of any server has it, so whatever is pinned to it is hidden.
		definitionDigest: fc.constant('0'.repeat(64)),
		description: fc.constant('What the workspace says.'),
	},
	{ requiredKeys: [] },
);
const TOOL_RULES = fc.record({
	default: fc.constantFrom('enabled' as const, 'disabled' as const),
	rules: fc.dictionary(fc.constantFrom(...ALL_TOOLS), RULE, { maxKeys: 12 }),
});
const CASE = fc.record({
	tools: fc.record(Object.fromEntries(SLUGS.map((slug) => [slug, TOOL_RULES])) as Record<string, typeof TOOL_RULES>),
	level: fc.constantFrom(...LEVELS),
	coming: fc.constantFrom(...COMINGS),
	era: fc.constantFrom(...ERAS),
	address: fc.constantFrom(...ADDRESSES),
	slug: fc.constantFrom(...SLUGS),
	picked: fc.subarray(ALL_PATHS),
});

type Case = typeof CASE extends fc.Arbitrary<infer Value> ? Value : never;

/** Every transport in both eras at every address; at aggregates one address stands for all servers. */
const WAYS = ERAS.flatMap((era) =>
	ADDRESSES.flatMap((address) =>
		(address === 'server' ? SLUGS : SLUGS.slice(0, 1)).map((slug) => ({ era, address, slug })),
	),
);

const EXAMPLES = WAYS.map((way, index): [Case] => {
	const rules = { [ALL_TOOLS[index]!]: { enabled: false }, add: { minimumLevel: 'admin' as const } };
	const same = SLUGS.map((slug) => [slug, { default: 'enabled' as const, rules }] as const);
	const half = ALL_PATHS.filter((_, at) => at % 2 === 0);
	const isOutside = way.address === 'server' && way.era === 'modern' && !SOME.includes(way.slug);
	const coming = isOutside ? 'key for some' : COMINGS[index % COMINGS.length]!;
	return [{ ...way, level: 'write', coming, picked: half, tools: Object.fromEntries(same) as Case['tools'] }];
});

type Rules = Readonly<
	Record<string, { readonly default: string; readonly rules: Readonly<Record<string, Partial<ToolRule>>> }>
>;

let configured = 0;

// Another limit each time makes other definitions of the servers: a child that crashes under one does not delay the next.
async function configure(tools: Rules): Promise<void> {
	const limits = { totalMs: 300_000 - ++configured };
	await company.gateway.reconfigure(
		company.config(({ slug }) => (slug in tools ? { tools: tools[slug], limits } : {})),
	);
}

/** A tool under its name at an address; the one that ends its server comes last. */
function toolsAt(address: AddressKind, slug: string): readonly string[] {
	const own = (address === 'server' ? [slug] : SLUGS).flatMap((server) => {
		const prefixes = { server: [], workspace: [server], toolset: [server], all: ['google', server] }[address];
		const named = (name: string) => (address === 'server' ? name : exposedName(prefixes, name));
		return TOOLS[server]!.map((name) => ({ last: name === 'crash', exposed: named(name) }));
	});
	return own.sort((a, b) => Number(a.last) - Number(b.last)).map(({ exposed }) => exposed);
}

async function listed(caller: Caller, path: string): Promise<readonly string[]> {
	const answer = await caller.send(path, 'tools/list');
	// There is no such address with a key that is not for the server.
	if (refusalIn(answer) === 'PC_ADDRESS_UNKNOWN') return [];
	const { result } = responseIn(answer);
	return (result.tools as { name: string }[]).map(({ name }) => name).sort();
}

/** How calls of the tools that fail on purpose end. */
const FAILURES = [
	'PC_UPSTREAM_CRASHED',
	'PC_UPSTREAM_FAILED',
	'PC_UPSTREAM_SESSION_LOST',
	'PC_CLIENT_FEATURE_UNSUPPORTED',
];

async function callable(caller: Caller, path: string, names: readonly string[]): Promise<readonly string[]> {
	const found: string[] = [];
	for (const name of names) {
		const call = () => caller.send(path, 'tools/call', { name, arguments: { bytes: 1, a: 1, b: 1 } });
		const refusal = refusalIn(await call());
		const isUnknown = refusal === 'PC_TOOL_UNKNOWN' || refusal === 'PC_ADDRESS_UNKNOWN';
		if (!isUnknown) found.push(name);
		expect([undefined, 'PC_TOOL_UNKNOWN', 'PC_ADDRESS_UNKNOWN', ...FAILURES], name).toContain(refusal);
		// It changes the list, so it is called once more to change it back.
		if (name.includes('toggle_tool')) await call();
	}
	return found.sort();
}

const callerOf = (level: AccessLevel, era: Era, coming: (typeof COMINGS)[number] = 'token'): Caller => {
	const key = KEYS.get(`${coming} ${level}`)?.text;
	return company.caller({ name: `person-${level}`, groups: [GROUPS[level]], ...(key !== undefined && { key }) }, era);
};

describe('a list of tools', () => {
	it('names exactly the tools that can be called, whatever the rules, level, key, era and address', async () => {
		const seen = new Set<string>();
		const property = fc.asyncProperty(CASE, async ({ tools, level, coming, era, address, slug, ...drawn }) => {
			picked = drawn.picked;
			await configure(tools);
			const caller = callerOf(level, era, coming);
			const path = pathAt(address, { workspace: 'google', server: slug });
			const names = await listed(caller, path);
			const isOutside = coming === 'key for some' && address === 'server' && !SOME.includes(slug);
			if (isOutside) expect(names).toEqual([]);
			const way = isOutside ? 'outside' : `${level} ${era} ${address}`;
			seen.add(`${way} ${coming} ${names.length > 0 ? 'some' : 'none'}`);
			expect(await callable(caller, path, toolsAt(address, slug))).toEqual(names);
		});
		await fc.assert(property, { numRuns: 50, examples: EXAMPLES });
		expect([...seen].filter((each) => each.endsWith(' some')).length).toBeGreaterThan(8);
		expect(seen).toContain('outside key for some none');
		for (const coming of COMINGS) expect([...seen].some((each) => each.endsWith(`${coming} some`))).toBe(true);
	});

	it.each(ERAS)('is what the rules say, worked out by hand (%s)', async (era) => {
		const rules = {
			echo: { enabled: true },
			remember: { readable: true, enabled: true },
			add: { minimumLevel: 'write' },
		};
		await configure(Object.fromEntries(SLUGS.map((slug) => [slug, { default: 'disabled', rules }])) as Rules);
		for (const slug of SLUGS) {
			const path = pathAt('server', { workspace: 'google', server: slug });
			expect(await listed(callerOf('read', era), path), slug).toEqual(['echo', 'remember']);
		}
		const enabled = { add: { minimumLevel: 'write' }, echo: { minimumLevel: 'admin' }, touch: { enabled: false } };
		await configure(Object.fromEntries(SLUGS.map((slug) => [slug, { default: 'enabled', rules: enabled }])) as Rules);
		const without = (...hidden: string[]) => TOOLS['fresh']!.filter((name) => !hidden.includes(name)).sort();
		const path = pathAt('server', { workspace: 'google', server: 'fresh' });
		const writing = ['remember', 'toggle_tool'];
		expect(await listed(callerOf('read', era), path)).toEqual(without('add', 'echo', 'touch', ...writing));
		expect(await listed(callerOf('write', era), path)).toEqual(without('echo', 'touch'));
		expect(await listed(callerOf('admin', era), path)).toEqual(without('touch'));
	});
});

describe('a hidden tool', () => {
	const rules = { echo: { enabled: false } };
	const spellings = [
		...['echo', 'Echo', 'ECHO', 'echo ', ' echo', 'echo\u0000', 'echo\n', 'echo\u200b', '\ufeffecho', 'ｅｃｈｏ'],
		...[
			'ec\u0068o',
			'есho',
			'./echo',
			'/echo',
			'echo/',
			'echo?',
			'echo#',
			'%65cho',
			'echo.',
			'tools/echo',
			'constructor',
		],
		...[
			'google__old__echo',
			'old__echo',
			'google/old/echo',
			'old.echo',
			'old:echo',
			'google__old__old__echo',
			'__proto__',
		],
		...[
			'microsoft__other__echo',
			'other__echo',
			'google__other__echo',
			'echo__',
			'__echo',
			'google__old__',
			'toString',
		],
	];

	it.each(ERAS)('is reached under no other spelling of its name, at no address (%s)', async (era) => {
		await configure(Object.fromEntries(SLUGS.map((slug) => [slug, { default: 'enabled', rules }])) as Rules);
		const caller = callerOf('admin', era);
		const paths = [pathAt('workspace', { workspace: 'google', server: '' }), '/mcp'];
		for (const slug of SLUGS) paths.push(pathAt('server', { workspace: 'google', server: slug }));
		for (const path of paths) {
			for (const name of spellings) {
				const params = { name, arguments: { text: `MARK-spelled-${era}` } };
				const headers = { 'mcp-name': `=?base64?${Buffer.from(name).toString('base64')}?=` };
				const answer = await caller.send(path, 'tools/call', params, era === 'modern' ? { headers } : {});
				expect(refusalIn(answer), `${path} ${JSON.stringify(name)}: ${answer.body}`).toBe('PC_TOOL_UNKNOWN');
			}
		}
		expect(company.sightings(`MARK-spelled-${era}`)).toEqual([]);
		// The control: the same caller and the same argument, with a tool that is not hidden.
		await caller.send(paths[2]!, 'tools/call', { name: 'recall', arguments: { key: `MARK-control-${era}` } });
		expect(company.sightings(`MARK-control-${era}`)).toEqual([`google/${SLUGS[0]}`]);
	});

	it.each(ERAS)('is in no answer of any other kind (%s)', async (era) => {
		const canaryRules = Object.fromEntries(ALL_TOOLS.map((name) => [name, { enabled: false }]));
		await configure(
			Object.fromEntries(SLUGS.map((slug) => [slug, { default: 'disabled', rules: canaryRules }])) as Rules,
		);
		const caller = callerOf('admin', era);
		const methods = [
			era === 'legacy' ? 'initialize' : 'server/discover',
			'prompts/list',
			'resources/list',
			'tools/list',
		];
		const paths = [...ADDRESSES.map((address) => pathAt(address, { workspace: 'google', server: 'old' }))];
		for (const slug of SLUGS) paths.push(pathAt('server', { workspace: 'google', server: slug }));
		for (const path of paths) {
			for (const method of methods) {
				const { body } = await caller.send(path, method, { protocolVersion: '2025-11-25', capabilities: {} });
				expect(body, `${method} ${path}`).toMatch(/"result":/);
				for (const name of ['remember', 'toggle_tool', 'whoami', 'rpcError']) expect(body).not.toContain(name);
			}
		}
	});
});
