import { describe, expect, it } from 'vitest';
import { errorCode } from '../../errors/portcullis-error.ts';
import { createReplays } from './replays.ts';

/** A memory of three with a clock that is set by hand, and the code of what `take` throws. */
function openMemory() {
	const clock = { at: 0 };
	const replays = createReplays({ now: () => clock.at, most: 3 });
	const take = (id: string, until: number): unknown => {
		try {
			return replays.take(id, until);
		} catch (error) {
			return errorCode(error);
		}
	};
	return { clock, take };
}

describe('the memory of assertions', () => {
	it('takes each once', () => {
		const { take } = openMemory();
		expect([take('a', 10_000), take('b', 10_000), take('a', 10_000)]).toEqual([
			undefined,
			undefined,
			'PC_EDGE_REFUSED',
		]);
	});

	it('refuses new ones when it is full, and forgets none that could be sent again', () => {
		const { clock, take } = openMemory();
		for (const id of ['a', 'b', 'c']) expect(take(id, 10_000)).toBeUndefined();
		expect(take('d', 10_000)).toBe('PC_EDGE_BUSY');
		clock.at = 9_999;
		expect(take('d', 20_000)).toBe('PC_EDGE_BUSY');
		for (const id of ['a', 'b', 'c']) expect(take(id, 10_000)).toBe('PC_EDGE_REFUSED');
	});

	it('makes room for new ones when old ones could be sent no longer, whatever their order', () => {
		const { clock, take } = openMemory();
		take('a', 50_000);
		take('b', 10_000);
		take('c', 20_000);
		clock.at = 10_000;
		expect(take('d', 60_000)).toBeUndefined();
		expect(take('e', 60_000)).toBe('PC_EDGE_BUSY');
		expect(take('a', 50_000)).toBe('PC_EDGE_REFUSED');
		clock.at = 20_000;
		expect(take('e', 60_000)).toBeUndefined();
	});
});
