/** Gathers the lines of one turn of the event loop, so that they share one write. */
export interface Turns {
	/** Settles when the turn has ended: the lines of one turn stand or fall together. */
	add(text: string): Promise<void>;
}

interface Turn {
	text: string;
	readonly written: Promise<void>;
}

/** Turns whose text goes to `write`, which throws when it is lost. */
export function createTurns(write: (text: string) => void): Turns {
	let turn: Turn | undefined;

	// A half-written group is a loss to each of its callers.
	const endTurn = (): void => {
		const text = turn?.text ?? '';
		turn = undefined;
		write(text);
	};
	const beginTurn = (): Turn => {
		const written = new Promise<void>((resolve, reject) => {
			setImmediate(() => {
				try {
					resolve(endTurn());
				} catch (error) {
					reject(error);
				}
			});
		});
		return { text: '', written };
	};

	return {
		add(text) {
			turn ??= beginTurn();
			turn.text += text;
			return turn.written;
		},
	};
}
