import { describe, expect, test } from 'vitest';
import { keepUnchanged } from './keep-unchanged.ts';
import { parseConfig } from './parse-config.ts';
import type { Snapshot } from './snapshot.ts';

const DIRECTORY = {
	id: 'd',
	issuer: 'https://i.example',
	tenantId: 't',
	audiences: ['a'],
	jwksUrl: 'https://i.example/k',
};

const workspace = (secret: string, more: object = {}) => ({
	servers: { s: { transport: 'http', url: 'https://u.example', headers: { 'x-key': `\${env:${secret}}` } } },
	...more,
});

const BASE = {
	directories: [DIRECTORY],
	workspaces: { a: workspace('A'), b: workspace('B', { members: [{ oid: 'o', access: 'read' }] }) },
	grants: [{ group: 'g', workspace: 'a', access: 'read' }],
};

function parse(change: object, env: NodeJS.ProcessEnv = {}): Snapshot {
	const text = JSON.stringify({ ...BASE, ...change });
	return parseConfig(text, { file: 'p.yaml', env: { A: 'one', B: 'two', ...env }, version: 2 });
}

const BEFORE = parse({});
const PARTS = ['directories', 'grantRules', 'memberships', 'limits', 'names', 'a', 'b'] as const;

function changedParts(next: Snapshot): readonly string[] {
	const part = (snapshot: Snapshot, name: (typeof PARTS)[number]) =>
		name === 'a' || name === 'b' ? snapshot.workspaces.get(name) : snapshot[name];
	return PARTS.filter((name) => part(next, name) !== part(BEFORE, name));
}

describe('what a swap leaves the same', () => {
	test.each([
		['a workspace that is titled', { workspaces: { ...BASE.workspaces, a: workspace('A', { title: 'A' }) } }, ['a']],
		['a workspace that goes', { workspaces: { a: workspace('A') } }, ['memberships', 'b']],
		['a grant', { grants: [] }, ['grantRules']],
		['a limit', { limits: { jsonDepth: 9 } }, ['limits']],
		['a name', { publicUrl: 'https://p.example' }, ['names']],
		['a directory', { directories: [{ ...DIRECTORY, audiences: ['a', 'b'] }] }, ['directories']],
	])('is the same object beside %s', (_, change, changed) => {
		const next = keepUnchanged(BEFORE, parse(change));
		expect(changedParts(next)).toEqual(changed);
		expect([next.version, Object.isFrozen(next)]).toEqual([2, true]);
	});

	test('does not count a workspace whose secret has changed', () => {
		expect(changedParts(keepUnchanged(BEFORE, parse({}, { B: 'three' })))).toEqual(['b']);
	});

	test('is the snapshot itself when everything is', () => {
		expect(keepUnchanged(BEFORE, parse({}))).toBe(BEFORE);
	});
});
