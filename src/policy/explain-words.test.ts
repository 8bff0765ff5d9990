import { describe, expect, it } from 'vitest';
import type { GrantRule, Server } from '../config/snapshot.ts';
import type { Principal } from '../identity/principal.ts';
import { explainDecision, explainGrants } from './explain-words.ts';

const person = (grants: Principal['grants']): Principal => {
	const known = { vouchedBy: 'token', expiresAt: 0 };
	return { ...known, issuer: 'i', tid: 'd-1', oid: 'o-1', key: 'k', name: 'Ada', grants, platformLevel: undefined };
};

const RULES: readonly GrantRule[] = [
	{ name: 'grants[0]', directory: 'd', match: { claim: 'group', value: 'G' }, workspace: 'w', level: 'read' },
	{ name: 'grants[1]', directory: 'd', match: { claim: 'role', value: 'R' }, workspace: '*', level: 'write' },
];

describe('explainGrants', () => {
	it('names the person by identity, and the rules behind each workspace in words', () => {
		const grants = new Map([
			[
				'w',
				{
					...({ workspace: 'w', workspaceId: 'w', level: 'write' } as const),
					rules: ['grants[0]', 'grants[1]', 'member'],
				} as const,
			],
		]);
		expect(explainGrants(person(grants), RULES)).toEqual([
			'Ada is o-1 of the directory d-1.',
			'Their workspaces:',
			'  w: write, by grants[0] (group G is read in w) and grants[1] (role R is write in *) and membership (named there one by one)',
		]);
	});

	it('says that nothing matches when nothing does', () => {
		const nothing = explainGrants(person(new Map()), RULES).at(-1);
		expect(nothing).toBe('No grant rule matches, so no workspace is open to them.');
	});
});

describe('explainDecision', () => {
	const at = { server: { workspace: 'w', slug: 's' } as Server, name: 'read/it' };
	const common = { level: 'read', rules: [], refusal: 'PC_TOOL_UNKNOWN' } as const;

	it('says yes or no, and then one line for each reason in order', () => {
		const yes = explainDecision({ ...common, allowed: true, reasons: ['workspace-granted', 'tool-read-only'] }, at);
		expect(yes.allowed).toBe(true);
		expect(yes.lines[0]).toBe('Yes: w/s/read/it is listed and callable.');
		expect(yes.lines.slice(1).map((line) => line.trim().split(':')[0])).toEqual([
			'workspace-granted',
			'tool-read-only',
		]);
		const no = explainDecision({ ...common, allowed: false, reasons: ['workspace-not-granted'] }, at);
		expect([no.allowed, no.lines[0]]).toEqual([false, 'No: w/s/read/it is neither listed nor callable.']);
	});
});
