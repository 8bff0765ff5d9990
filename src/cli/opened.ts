/** Things that are closed in the reverse order of their opening, whatever happens. */
export interface Opened {
	add(close: () => unknown): void;
	close(): Promise<void>;
}

/** Nothing is open yet. */
export function createOpened(): Opened {
	const closers: (() => unknown)[] = [];
	return {
		add: (close) => void closers.push(close),
		async close() {
			for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
				await Promise.resolve()
					.then(close)
					.catch(() => undefined);
			}
		},
	};
}
