import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

/** The numbers of the rows that a test file proves, in the order of its tests. */
function rowsOf(file: string, name: string): readonly number[] {
	const text = readFileSync(new URL(file, import.meta.url), 'utf8');
	return [...text.matchAll(new RegExp(`^\\s*it\\('${name}(\\d+): `, 'gm'))].map(([, row]) => Number(row));
}

const upTo = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, at) => first + at);

it('every attack on tokens has a test of its number', () => {
	expect(rowsOf('identity-jwt.test.ts', 'JWT-')).toEqual(upTo(0, 27));
});

it('every rule about tokens of Entra has a test of its number', () => {
	expect(rowsOf('identity-entra.test.ts', 'Entra ')).toEqual(upTo(1, 13));
});
