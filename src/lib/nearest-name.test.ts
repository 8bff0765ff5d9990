import { describe, expect, test } from 'vitest';
import { nearestName } from './nearest-name.ts';

describe('the nearest name', () => {
	test.each([
		['orgins', 'origins'],
		['publicURL', 'publicUrl'],
		['workspace', 'workspaces'],
		['hsots', undefined],
		['', undefined],
		['x'.repeat(10_000), undefined],
	])('to %s is %s', (name, nearest) => {
		expect(nearestName(name, ['publicUrl', 'hosts', 'origins', 'workspaces'])).toBe(nearest);
	});

	test('is the nearer one of two', () => {
		expect(nearestName('grantz', ['granted', 'grants'])).toBe('grants');
	});
});
