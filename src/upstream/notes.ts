/** Messages for a caller while its call goes on, in order. */
export interface Notes {
	/** Adds a notification; in a flood that nobody reads fast enough the oldest are lost, not our memory. */
	add(text: string): void;
	/** Adds a question, which is never lost. */
	ask(text: string): void;
	end(): void;
	/** Next message; `undefined` when there will be none. */
	next(): Promise<string | undefined>;
}

const MAX_WAITING = 1_000;

/** An empty queue of notes for one reader. */
export function createNotes(): Notes {
	const queue: { readonly text: string; readonly isQuestion: boolean }[] = [];
	let ended = false;
	let wake: () => void = () => undefined;
	const push = (text: string, isQuestion: boolean): void => {
		if (ended) return;
		queue.push({ text, isQuestion });
		const oldest = queue.length > MAX_WAITING ? queue.findIndex((note) => !note.isQuestion) : -1;
		if (oldest !== -1) queue.splice(oldest, 1);
		wake();
	};
	return {
		add: (text) => push(text, false),
		ask: (text) => push(text, true),
		end() {
			ended = true;
			wake();
		},
		async next() {
			while (queue.length === 0 && !ended) {
				await new Promise<void>((resolve) => {
					wake = resolve;
				});
			}
			return queue.shift()?.text;
		},
	};
}
