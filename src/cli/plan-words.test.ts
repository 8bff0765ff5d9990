import { expect, test } from 'vitest';
import { changeLine, planSummary } from './plan-words.ts';

const change = (action: 'create' | 'update' | 'delete', kind: string, name: string) => {
	return { action, kind, name, workspace: 'google' };
};

test.each([
	[change('create', 'server', 'jira'), '+ server google/jira'],
	[{ ...change('update', 'server', 'jira'), fields: ['limits', 'title'] }, '~ server google/jira: limits, title'],
	[{ ...change('delete', 'workspace', 'google'), workspace: null }, '- workspace google'],
	[change('create', 'grant', '[null,"group","MCP-Google"]'), '+ grant google/group MCP-Google'],
	[change('create', 'grant', '["demo","role","Admin"]'), '+ grant google/role Admin of demo'],
	[change('delete', 'member', '["https://i.example","t","o-1"]'), '- member google/o-1'],
	[change('delete', 'member', 'not JSON'), '- member google/not JSON'],
])('says a step in one line', (step, line) => expect(changeLine(step)).toBe(line));

test('says what a plan comes to', () => {
	const changes = [change('create', 'server', 'a'), change('create', 'server', 'b'), change('delete', 'server', 'c')];
	expect(planSummary(changes)).toBe('3 changes: 2 to make, 0 to change, 1 to delete.');
	expect(planSummary(changes.slice(0, 1))).toBe('1 change: 1 to make, 0 to change, 0 to delete.');
});
