import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessLevel, GrantRule, Workspace } from '../config/snapshot.ts';
import type { VerifiedClaims } from './check-claims.ts';
import { grantsOf } from './grants-of.ts';

const workspaces = new Map<string, Workspace>(
	['apple', 'google', 'microsoft'].map((slug) => [
		slug,
		{ id: slug, slug, title: slug, auditMode: 'strict', servers: new Map() },
	]),
);

const person: VerifiedClaims = {
	...{ directory: 'entra', issuer: 'https://i', tid: 't', oid: 'o', name: 'Person' },
	...{ groups: [], roles: [], scopes: ['mcp.access'], expiresAt: 0 },
};

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

function levels(claims: Partial<VerifiedClaims>, grantRules: readonly GrantRule[]): Record<string, string> {
	const grants = grantsOf({ ...person, ...claims }, { grantRules, workspaces });
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
		const grants = grantsOf(
			{ ...person, groups: ['MCP-Admin'] },
			{ grantRules: rules('group:MCP-Admin * admin'), workspaces },
		);
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
		const grants = grantsOf({ ...person, groups: ['b', 'a'], roles: ['r'] }, { grantRules: many, workspaces });
		expect(grants.get('google')).toEqual({
			workspace: 'google',
			level: 'admin',
			rules: ['grants[0]', 'grants[1]', 'grants[2]', 'grants[3]'],
		});
		expect(grants.get('apple')).toEqual({ workspace: 'apple', level: 'write', rules: ['grants[1]'] });
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
