import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toolRuleOf } from '../../test/fakes/snapshot.ts';
import type { AccessLevel, Server, ToolRule, Toolset } from '../config/snapshot.ts';
import type { Principal } from '../identity/principal.ts';
import { type Decision, decide } from './decide.ts';

const DIGEST = 'd'.repeat(64);
const LEVELS = ['read', 'write', 'admin'] as const;

function principal(level: AccessLevel | undefined, workspace = 'google'): Principal {
	const grants = new Map(level === undefined ? [] : [[workspace, { workspace, level, rules: ['grants[0]'] }]]);
	return { grants } as unknown as Principal;
}

function server(parts: Partial<Server> = {}): Server {
	const toolRules = new Map<string, ToolRule>();
	return { workspace: 'google', slug: 's', enabled: true, toolsEnabledByDefault: true, toolRules, ...parts } as Server;
}

const rule = (parts: Partial<ToolRule>): Pick<Server, 'toolRules'> => ({
	toolRules: new Map([['tool', toolRuleOf(parts)]]),
});

const ask = (level: AccessLevel | undefined, on: Server, readOnly = false): Decision =>
	decide(principal(level), {
		server: on,
		effect: 'tool',
		tool: { name: 'tool', readOnly, digest: DIGEST },
		toolset: undefined,
	});

const HELD = ['workspace-granted', 'server-enabled'] as const;

describe('a tool', () => {
	it('of a workspace without a grant is refused, and nothing else is looked at', () => {
		const refused = { allowed: false, reasons: ['workspace-not-granted'], level: undefined, rules: [] };
		expect(ask(undefined, server())).toEqual(refused);
		const elsewhere = decide(principal('admin', 'microsoft'), {
			server: server(),
			effect: 'tool',
			tool: { name: 'tool', readOnly: true, digest: DIGEST },
			toolset: undefined,
		});
		expect(elsewhere).toEqual(refused);
	});

	it('of a disabled server is refused to everybody', () => {
		for (const level of LEVELS) {
			const decision = ask(level, server({ enabled: false }), true);
			expect(decision).toMatchObject({ allowed: false, reasons: ['workspace-granted', 'server-disabled'], level });
		}
	});

	it('of a faulty server is refused to everybody, and a server that is disabled as well is called disabled', () => {
		for (const level of LEVELS) {
			const faulty = ask(level, server({ fault: 'a secret is absent' }), true);
			expect(faulty).toMatchObject({ allowed: false, reasons: ['workspace-granted', 'server-faulty'], level });
			const both = ask(level, server({ enabled: false, fault: 'a secret is absent' }), true);
			expect(both).toMatchObject({ allowed: false, reasons: ['workspace-granted', 'server-disabled'], level });
		}
	});

	it('that is disabled, by its rule or by default, is refused to everybody', () => {
		for (const level of LEVELS) {
			const refused = { allowed: false, reasons: [...HELD, 'tool-disabled'] };
			expect(ask(level, server(rule({ enabled: false })), true)).toMatchObject(refused);
			expect(ask(level, server({ toolsEnabledByDefault: false }), true)).toMatchObject(refused);
			const other = new Map([['other', toolRuleOf({ readable: true })]]);
			expect(ask(level, server({ toolsEnabledByDefault: false, toolRules: other }), true)).toMatchObject(refused);
		}
	});

	it('that is pinned is refused to everybody while its definition is another, or unknown', () => {
		const changed = [...HELD, 'tool-enabled', 'tool-definition-changed'];
		const on = server(rule({ definitionDigest: 'e'.repeat(64) }));
		for (const level of LEVELS) {
			expect(ask(level, on, true)).toMatchObject({ allowed: false, reasons: changed });
			const unknown = {
				server: on,
				effect: 'tool',
				tool: { name: 'tool', readOnly: true, digest: undefined },
				toolset: undefined,
			} as const;
			expect(decide(principal(level), unknown)).toMatchObject({ allowed: false, reasons: changed });
		}
		const disabled = server(rule({ enabled: false, definitionDigest: 'e'.repeat(64) }));
		expect(ask('admin', disabled).reasons).toEqual([...HELD, 'tool-disabled']);
	});

	it('that is pinned to its definition is judged like any other, and the reasons say that it was compared', () => {
		const same = [...HELD, 'tool-enabled', 'tool-definition-unchanged'];
		const on = server(rule({ definitionDigest: DIGEST, minimumLevel: 'write' }));
		expect(ask('write', on)).toMatchObject({ allowed: true, reasons: [...same, 'level-sufficient'] });
		expect(ask('read', on, true)).toMatchObject({ allowed: false, reasons: [...same, 'level-insufficient'] });
		const readable = server(rule({ definitionDigest: DIGEST }));
		expect(ask('read', readable, true)).toMatchObject({ allowed: true, reasons: [...same, 'tool-read-only'] });
	});

	it('that a rule enables passes although the default is disabled', () => {
		const on = server({ toolsEnabledByDefault: false, ...rule({}) });
		expect(ask('write', on)).toMatchObject({ allowed: true, reasons: [...HELD, 'tool-enabled', 'level-sufficient'] });
	});

	it.each([
		['read', true, {}, true, 'tool-read-only'],
		['read', false, {}, false, 'tool-not-read-only'],
		['read', false, { readable: true }, true, 'tool-marked-readable'],
		['read', true, { readable: true }, true, 'tool-read-only'],
		['write', false, {}, true, 'level-sufficient'],
		['admin', false, {}, true, 'level-sufficient'],
		['read', true, { minimumLevel: 'write' }, false, 'level-insufficient'],
		['read', true, { minimumLevel: 'write', readable: true }, false, 'level-insufficient'],
		['write', true, { minimumLevel: 'write' }, true, 'level-sufficient'],
		['write', true, { minimumLevel: 'admin' }, false, 'level-insufficient'],
		['admin', false, { minimumLevel: 'admin' }, true, 'level-sufficient'],
	] as const)(
		'for %s, read-only %s, with the rule %j: allowed is %s because of %s',
		(level, readOnly, parts, allowed, reason) => {
			const decision = ask(level, server(rule(parts)), readOnly);
			expect(decision).toEqual({
				allowed,
				reasons: [...HELD, 'tool-enabled', reason],
				level,
				rules: ['grants[0]'],
			});
		},
	);
});

describe('something that is no tool', () => {
	const about = (level: AccessLevel, effect: 'read' | 'tool' | 'unknown') =>
		decide(principal(level), {
			server: server({ toolsEnabledByDefault: false }),
			effect,
			tool: undefined,
			toolset: undefined,
		});

	it('and only reads passes for every level', () => {
		for (const level of LEVELS)
			expect(about(level, 'read')).toMatchObject({ allowed: true, reasons: [...HELD, 'level-sufficient'] });
	});

	it('and that nobody described counts as a write', () => {
		expect(about('read', 'unknown')).toMatchObject({ allowed: false, reasons: [...HELD, 'level-insufficient'] });
		for (const level of ['write', 'admin'] as const) expect(about(level, 'unknown').allowed).toBe(true);
	});

	it('and says it calls a tool without naming one is refused', () => {
		for (const level of LEVELS) expect(about(level, 'tool').allowed).toBe(false);
	});
});

describe('at the address of a toolset', () => {
	const toolsetOf = (tools: Readonly<Record<string, readonly string[]>>): Toolset => {
		const named = Object.entries(tools).map(([slug, names]) => [slug, new Set(names)] as const);
		return { slug: 't', title: 't', tools: new Map(named) };
	};
	const TOOL = { name: 'tool', readOnly: true, digest: DIGEST };
	const at = (toolset: Toolset, on = server()) =>
		decide(principal('admin'), { server: on, effect: 'tool', tool: TOOL, toolset });

	it('a tool of it is judged like everywhere, and one that is not of it is refused', () => {
		const allowed = [...HELD, 'tool-in-toolset', 'tool-enabled', 'level-sufficient'];
		expect(at(toolsetOf({ s: ['other', 'tool'] }))).toMatchObject({ allowed: true, reasons: allowed });
		const disabled = [...HELD, 'tool-in-toolset', 'tool-disabled'];
		const off = server(rule({ enabled: false }));
		expect(at(toolsetOf({ s: ['tool'] }), off)).toMatchObject({ allowed: false, reasons: disabled });
		const refused = { allowed: false, reasons: [...HELD, 'tool-not-in-toolset'] };
		for (const tools of [{}, { s: [] }, { s: ['Tool', 'tool '] }, { other: ['tool'] }])
			expect(at(toolsetOf(tools))).toMatchObject(refused);
	});

	it('what is about no tool is refused', () => {
		for (const effect of ['read', 'tool', 'unknown'] as const) {
			const subject = { server: server(), effect, tool: undefined, toolset: toolsetOf({ s: ['tool'] }) };
			expect(decide(principal('admin'), subject).allowed).toBe(false);
		}
	});
});

describe('every decision', () => {
	const toolRule = fc.record({
		enabled: fc.boolean(),
		minimumLevel: fc.constantFrom(...LEVELS),
		readable: fc.boolean(),
		description: fc.constant(undefined),
		definitionDigest: fc.constantFrom(undefined, DIGEST, 'e'.repeat(64)),
	});
	const subject = fc.record({
		enabled: fc.boolean(),
		byDefault: fc.boolean(),
		rule: fc.option(toolRule, { nil: undefined }),
		readOnly: fc.boolean(),
	});

	it('allows a higher level whatever it allows a lower one', () => {
		fc.assert(
			fc.property(subject, (facts) => {
				const toolRules = new Map(facts.rule === undefined ? [] : [['tool', facts.rule]]);
				const on = server({ enabled: facts.enabled, toolsEnabledByDefault: facts.byDefault, toolRules });
				const allowed = LEVELS.map((level) => ask(level, on, facts.readOnly).allowed);
				expect([...allowed].sort()).toEqual(allowed);
			}),
		);
	});

	it('depends on nothing but its arguments', () => {
		fc.assert(
			fc.property(subject, fc.constantFrom(...LEVELS), (facts, level) => {
				const on = server({ enabled: facts.enabled, toolsEnabledByDefault: facts.byDefault });
				expect(ask(level, on, facts.readOnly)).toEqual(ask(level, on, facts.readOnly));
			}),
		);
	});
});
