import { describe, expect, it } from 'vitest';
import { createNotes, type Notes } from './notes.ts';

const MAX_WAITING = 1_000;

async function rest(notes: Notes): Promise<string[]> {
	const all: string[] = [];
	notes.end();
	for (let text = await notes.next(); text !== undefined; text = await notes.next()) all.push(text);
	return all;
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`);

describe('notes', () => {
	it('come in order, questions among notifications, to whoever waits for them', async () => {
		const notes = createNotes();
		const first = notes.next();
		notes.add('a');
		notes.ask('q');
		notes.add('b');
		expect(await first).toBe('a');
		expect(await rest(notes)).toEqual(['q', 'b']);
	});

	it('end for a reader that waits, and take nothing afterwards', async () => {
		const notes = createNotes();
		const waiting = notes.next();
		notes.end();
		notes.add('late');
		notes.ask('late too');
		expect([await waiting, await notes.next()]).toEqual([undefined, undefined]);
	});

	it.each([MAX_WAITING - 1, MAX_WAITING])('keep all of %i', async (count) => {
		const notes = createNotes();
		for (const text of numbered(count)) notes.add(text);
		expect(await rest(notes)).toEqual(numbered(count));
	});

	it('lose the oldest notification beyond that, and never a question', async () => {
		const notes = createNotes();
		notes.ask('question');
		for (const text of numbered(MAX_WAITING)) notes.add(text);
		expect(await rest(notes)).toEqual(['question', ...numbered(MAX_WAITING).slice(1)]);
	});

	it('lose no question, however many wait', async () => {
		const notes = createNotes();
		for (const text of numbered(MAX_WAITING + 1)) notes.ask(text);
		notes.add('notification');
		expect(await rest(notes)).toEqual(numbered(MAX_WAITING + 1));
	});
});
