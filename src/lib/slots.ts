/** Runs tasks, so many of them at once; the others wait in the order they came. */
export type Slots = <T>(task: () => Promise<T>) => Promise<T>;

/** Slots for `most` tasks. */
export function createSlots(most: number): Slots {
	const waiting: (() => void)[] = [];
	let taken = 0;
	return async (task) => {
		if (taken >= most) await new Promise<void>((resolve) => void waiting.push(resolve));
		else taken++;
		try {
			return await task();
		} finally {
			const next = waiting.shift();
			// The slot goes to who waits longest, so that nobody who comes now is before them.
			if (next === undefined) taken--;
			else next();
		}
	};
}
