import { describe, expect, it } from 'vitest';
import { createKeyUses } from './key-uses.ts';

const A = 'aaaaaaaa-0000-4000-8000-000000000001';
const B = 'bbbbbbbb-0000-4000-8000-000000000002';

/** A database that tells what it was asked, and fails on request. */
function recorder() {
	const written: string[] = [];
	const state = { fails: false, transactions: 0 };
	return {
		written,
		state,
		store: {
			async withWorkspace<T>(workspaceId: string, _reason: string, fn: (tx: never) => Promise<T>): Promise<T> {
				state.transactions++;
				if (state.fails) throw new Error('gone');
				const query = async (_text: string, [, ids, dates]: [string, string[], Date[]]) => {
					written.push(...ids.map((id, index) => `${workspaceId} ${id} ${dates[index]?.getTime()}`));
					return [];
				};
				return fn({ workspaceId, query } as never);
			},
		},
	};
}

describe('uses of keys', () => {
	it('are written at the end, each key once with its last use, in its own workspace', async () => {
		const { store, written, state } = recorder();
		let nowMs = 1;
		const uses = createKeyUses({ store, now: () => nowMs++ });
		for (let count = 0; count < 50; count++) uses.note({ workspaceId: A, id: 'k1' });
		uses.note({ workspaceId: A, id: 'k2' });
		uses.note({ workspaceId: B, id: 'k1' });
		expect(state.transactions).toBe(0);
		await uses.close();
		expect(written).toEqual([`${A} k1 50`, `${A} k2 51`, `${B} k1 52`]);
		expect(state.transactions).toBe(2);
	});

	it('are not lost while they cannot be written, and a later use counts', async () => {
		const { store, written, state } = recorder();
		const troubles: unknown[] = [];
		let nowMs = 1;
		const uses = createKeyUses({ store, now: () => nowMs++, everyMs: 5, onTrouble: (error) => troubles.push(error) });
		state.fails = true;
		uses.note({ workspaceId: A, id: 'k1' });
		uses.note({ workspaceId: A, id: 'k2' });
		while (troubles.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
		uses.note({ workspaceId: A, id: 'k1' });
		state.fails = false;
		await uses.close();
		expect(written.sort()).toEqual([`${A} k1 3`, `${A} k2 2`]);
	});
});
