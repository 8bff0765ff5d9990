import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFixedSealer } from '../../lib/fixed-seal.ts';
import { createTaskIds } from './task-ids.ts';

const tasks = createTaskIds(createFixedSealer(randomBytes(32), 'mcp-task'));
const ADA = { principal: 'ada', scope: 'jira' };
const text = fc.string({ unit: 'grapheme' });

describe('the id of a task', () => {
	it('says to its owner, and to nobody else, which task it is', () => {
		fc.assert(
			fc.property(text, text, text, text, text, (id, tool, principal, scope, other) => {
				const wrapped = tasks.wrap({ id, tool }, { principal, scope });
				expect(wrapped).toMatch(/^[A-Za-z0-9_-]+$/);
				expect(tasks.open(wrapped, { principal, scope })).toEqual({ id, tool });
				if (other !== principal) expect(tasks.open(wrapped, { principal: other, scope })).toBeUndefined();
				if (other !== scope) expect(tasks.open(wrapped, { principal, scope: other })).toBeUndefined();
			}),
		);
	});

	it('is always the same', () => {
		const id = tasks.wrap({ id: 't-1', tool: 'work' }, ADA);
		expect(tasks.wrap({ id: 't-1', tool: 'work' }, { ...ADA })).toBe(id);
		const others = [
			tasks.wrap({ id: 't-2', tool: 'work' }, ADA),
			tasks.wrap({ id: 't-1', tool: 'play' }, ADA),
			tasks.wrap({ id: 't-1', tool: 'work' }, { ...ADA, principal: 'bob' }),
			tasks.wrap({ id: 't-1', tool: 'work' }, { ...ADA, scope: 'git' }),
		];
		expect(new Set([id, ...others]).size).toBe(5);
	});

	it('keeps its owner’s parts apart', () => {
		const id = tasks.wrap({ id: 't-1', tool: '' }, { principal: 'a', scope: 'bc' });
		expect(tasks.open(id, { principal: 'ab', scope: 'c' })).toBeUndefined();
	});
});
