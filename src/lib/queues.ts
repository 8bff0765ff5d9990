/** Runs tasks of the same key one after the other, in the order they came; tasks of different keys at once. */
export type Queues = <T>(key: string, task: () => Promise<T>) => Promise<T>;

/** Queues that remember a key only while a task of it runs or waits. */
export function createQueues(): Queues {
	const last = new Map<string, Promise<unknown>>();
	return async (key, task) => {
		const before = last.get(key);
		const turn = before === undefined ? task() : before.then(task);
		const settled = turn.catch(() => undefined);
		last.set(key, settled);
		try {
			return await turn;
		} finally {
			if (last.get(key) === settled) last.delete(key);
		}
	};
}
