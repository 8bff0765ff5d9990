import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { snapshotOf } from '../../test/fakes/snapshot.ts';
import type { AccessLevel, GrantRule, Membership, Snapshot } from '../config/snapshot.ts';
import type { VerifiedClaims } from './check-claims.ts';
import { createGrantIndexes } from './grant-index.ts';
import { grantsOf } from './grants-of.ts';
import type { Grant } from './principal.ts';

const { workspaces } = snapshotOf(['apple', 'google', 'microsoft']);

const person: VerifiedClaims = {
	...{ directory: 'entra', issuer: 'https://i', tid: 't', oid: 'o', name: 'Person' },
	...{ groups: [], roles: [], scopes: ['mcp.access'], expiresAt: 0 },
};

type Memberships = Snapshot['memberships'];

/** `group:MCP-Google google write` and, for another directory, `… @other`. */
function rules(...lines: readonly string[]): readonly GrantRule[] {
	return lines.map((line, index) => {
		const [match = '', workspace = '', level, directory] = line.split(' ');
		const [claim, value = ''] = match.split(':');
		return {
			name: `grants[${index}]`,
			directory: directory?.slice(1),
			match: { claim: claim as 'group' | 'role', value },
			workspace,
			level: level as AccessLevel,
		};
	});
}

const indexOf = createGrantIndexes();

function held(claims: Partial<VerifiedClaims>, grantRules: readonly GrantRule[], memberships: Memberships = new Map()) {
	return grantsOf({ ...person, ...claims }, { index: indexOf(grantRules), memberships, workspaces });
}

function levels(claims: Partial<VerifiedClaims>, grantRules: readonly GrantRule[]): Record<string, string> {
	const { grants } = held(claims, grantRules);
	return Object.fromEntries([...grants].map(([slug, grant]) => [slug, grant.level]));
}

describe('a grant rule', () => {
	it('gives its workspace to its group or role and to nobody else', () => {
		const both = rules('group:MCP-Google google write', 'role:Reader microsoft read');
		expect(levels({ groups: ['MCP-Google'] }, both)).toEqual({ google: 'write' });
		expect(levels({ roles: ['Reader'] }, both)).toEqual({ microsoft: 'read' });
		expect(levels({ groups: ['Reader'], roles: ['MCP-Google'] }, both)).toEqual({});
		expect(levels({}, both)).toEqual({});
	});

	it('compares exactly: case, blanks, prefixes and Unicode forms make another group', () => {
		const one = rules('group:MCP-Café google write');
		expect(levels({ groups: ['MCP-Café'] }, one)).toEqual({ google: 'write' });
		for (const group of ['mcp-café', 'MCP-Café ', 'MCP-Caf', 'MCP-Cafe\u0301', '', '*']) {
			expect(levels({ groups: [group] }, one)).toEqual({});
		}
	});

	it('with * gives every workspace of the snapshot, in slug order', () => {
		const { grants } = held({ groups: ['MCP-Admin'] }, rules('group:MCP-Admin * admin'));
		expect([...grants.keys()]).toEqual(['apple', 'google', 'microsoft']);
	});

	it('about a workspace that does not exist gives nothing', () => {
		expect(levels({ groups: ['g'] }, rules('group:g gone admin'))).toEqual({});
	});

	it('of another directory gives nothing, although the group has the same name', () => {
		const one = rules('group:MCP-Admin * admin @other');
		expect(levels({ groups: ['MCP-Admin'], directory: 'other' }, one)).toMatchObject({ google: 'admin' });
		expect(levels({ groups: ['MCP-Admin'] }, one)).toEqual({});
	});

	it('adds to others: the strongest level wins and every name is kept in order', () => {
		const many = rules('group:a google read', 'role:r * write', 'group:b google admin', 'group:a google write');
		const { grants } = held({ groups: ['b', 'a', 'b'], roles: ['r'] }, many);
		expect(grants.get('google')).toEqual({
			workspace: 'google',
			workspaceId: 'google',
			level: 'admin',
			rules: ['grants[0]', 'grants[1]', 'grants[2]', 'grants[3]'],
		});
		expect(grants.get('apple')).toEqual({
			workspace: 'apple',
			workspaceId: 'apple',
			level: 'write',
			rules: ['grants[1]'],
		});
	});
});

describe('the level of the platform', () => {
	it('is the strongest of the rules about *, and of no others', () => {
		const many = rules('group:a * read', 'role:r * admin', 'group:b google admin', 'group:c * admin @other');
		expect(held({ groups: ['a', 'b', 'c'] }, many).platformLevel).toBe('read');
		expect(held({ groups: ['a'], roles: ['r'] }, many).platformLevel).toBe('admin');
		expect(held({ groups: ['b', 'c'] }, many).platformLevel).toBeUndefined();
	});
});

describe('a membership', () => {
	const mine = JSON.stringify(['https://i', 't', 'o']);
	const member = (workspace: string, level: AccessLevel): Membership => ({ workspace, level, name: 'Ada' });

	it('gives its workspace to the one identity it names', () => {
		const memberships = new Map([[mine, [member('google', 'write'), member('gone', 'admin')]]]);
		const { grants, platformLevel } = held({}, [], memberships);
		expect([...grants]).toEqual([
			['google', { workspace: 'google', workspaceId: 'google', level: 'write', rules: ['member'] }],
		]);
		expect(platformLevel).toBeUndefined();
		for (const other of [{ oid: 'O' }, { tid: 'u' }, { issuer: 'https://j' }])
			expect(held(other, [], memberships).grants.size).toBe(0);
	});

	it('adds to rules: the strongest wins, and it is named last', () => {
		const many = rules('group:a google write', 'role:r * read');
		const given = (level: AccessLevel) =>
			held({ groups: ['a'], roles: ['r'] }, many, new Map([[mine, [member('google', level)]]])).grants;
		const names = ['grants[0]', 'grants[1]', 'member'];
		expect(given('admin').get('google')).toEqual({
			workspace: 'google',
			workspaceId: 'google',
			level: 'admin',
			rules: names,
		});
		expect(given('read').get('google')).toEqual({
			workspace: 'google',
			workspaceId: 'google',
			level: 'write',
			rules: names,
		});
		expect(given('admin').get('apple')).toEqual({
			workspace: 'apple',
			workspaceId: 'apple',
			level: 'read',
			rules: ['grants[1]'],
		});
	});

	it('also counts for an application, which is named by its id like a person', () => {
		const memberships = new Map([[mine, [member('google', 'read')]]]);
		expect(held({ scopes: [], roles: ['x'] }, [], memberships).grants.has('google')).toBe(true);
	});
});

describe('the index of rules', () => {
	const ORDER: readonly AccessLevel[] = ['read', 'write', 'admin'];

	/** What the words of grantsOf say, by looking at every workspace and every rule. */
	function naive(
		claims: VerifiedClaims,
		grantRules: readonly GrantRule[],
		memberships: Memberships,
	): [string, Grant][] {
		const values = {
			group: claims.scopes.length === 0 ? [] : (claims.groups as readonly string[]),
			role: claims.roles,
		};
		const matching = grantRules.filter(({ directory, match }) => {
			return (directory === undefined || directory === claims.directory) && values[match.claim].includes(match.value);
		});
		const members = memberships.get(JSON.stringify([claims.issuer, claims.tid, claims.oid])) ?? [];
		return [...workspaces.keys()].flatMap((workspace): [string, Grant][] => {
			const giving = [
				...matching.filter((rule) => rule.workspace === workspace || rule.workspace === '*'),
				...members.filter((each) => each.workspace === workspace).map((each) => ({ ...each, name: 'member' })),
			];
			const level = ORDER.findLast((each) => giving.some((rule) => rule.level === each));
			return level === undefined
				? []
				: [[workspace, { workspace, workspaceId: workspace, level, rules: giving.map(({ name }) => name) }]];
		});
	}

	const oneOf = <T>(...values: T[]) => fc.constantFrom(...values);
	const level = oneOf<AccessLevel>('read', 'write', 'admin');
	const workspace = oneOf('apple', 'google', 'microsoft', 'gone');
	const rule = fc.record({
		directory: oneOf(undefined, 'entra', 'other'),
		match: fc.record({ claim: oneOf<'group' | 'role'>('group', 'role'), value: oneOf('a', 'b', 'c') }),
		workspace: fc.oneof(workspace, fc.constant('*')),
		level,
	});
	const claims = fc.record({
		directory: oneOf('entra', 'other'),
		groups: fc.array(oneOf('a', 'b', 'c', 'd'), { maxLength: 4 }),
		roles: fc.array(oneOf('a', 'b'), { maxLength: 2 }),
		scopes: oneOf<readonly string[]>([], ['s']),
	});
	const members = fc.uniqueArray(fc.record({ workspace, level, name: fc.constant('') }), {
		selector: (each) => each.workspace,
	});

	it('gives what looking at every workspace and every rule gives, in the same order', () => {
		fc.assert(
			fc.property(fc.array(rule, { maxLength: 12 }), claims, members, (drawn, said, theirs) => {
				const grantRules = drawn.map((each, index) => ({ ...each, name: `grants[${index}]` }));
				const memberships = new Map([[JSON.stringify(['https://i', 't', 'o']), theirs]]);
				const { grants } = held(said, grantRules, memberships);
				expect([...grants]).toEqual(naive({ ...person, ...said }, grantRules, memberships));
			}),
			{ numRuns: 1_000 },
		);
	});

	it('looks at no rule a second time', () => {
		let looks = 0;
		const watched = rules('group:a google read', 'group:b google admin').map((each) => {
			return Object.defineProperty({ ...each }, 'match', {
				get() {
					looks++;
					return each.match;
				},
			});
		});
		for (let call = 0; call < 100; call++) held({ groups: ['a'] }, watched);
		expect(looks).toBe(watched.length);
	});
});

describe('unknown groups', () => {
	const refused = expect.objectContaining({ code: 'PC_TOKEN_GROUPS_UNKNOWN' }) as Error;
	const unknown = { groups: 'unknown', roles: ['r'] } as const;

	it('refuse the token when a rule asks for a group, even if a role would give something', () => {
		const mixed = rules('role:r google read', 'group:a microsoft read');
		expect(() => levels(unknown, mixed)).toThrow(refused);
		expect(levels({ ...unknown, groups: [] }, mixed)).toEqual({ google: 'read' });
	});

	it('do not matter when only roles decide, or when the group rules are about another directory', () => {
		expect(levels(unknown, rules('role:r google read'))).toEqual({ google: 'read' });
		expect(levels(unknown, rules('role:r google read', 'group:a google read @other'))).toEqual({ google: 'read' });
	});
});

it('groups in an app-only token count for nothing, its roles do', () => {
	const both = rules('group:MCP-Admin * admin', 'role:r google read');
	expect(levels({ groups: ['MCP-Admin'], roles: ['r'], scopes: [] }, both)).toEqual({ google: 'read' });
	expect(levels({ groups: 'unknown', roles: ['r'], scopes: [] }, both)).toEqual({ google: 'read' });
});

it('more groups never take anything away', () => {
	const many = rules('group:a google read', 'group:b google admin', 'group:c * write', 'group:a microsoft write');
	const order = ['read', 'write', 'admin'];
	const groups = fc.subarray(['a', 'b', 'c', 'd']);
	fc.assert(
		fc.property(groups, groups, (some, others) => {
			const before = levels({ groups: some }, many);
			const after = levels({ groups: [...some, ...others] }, many);
			for (const [slug, level] of Object.entries(before)) {
				expect(order.indexOf(after[slug] ?? '')).toBeGreaterThanOrEqual(order.indexOf(level));
			}
		}),
	);
});
