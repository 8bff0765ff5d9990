/** Says on standard error what goes on, once that takes longer than a second. */
export interface Progress {
	/** What goes on from now. */
	say(what: string): void;
	end(): void;
}

const FIRST_MS = 1_000;
const AGAIN_MS = 10_000;

/** Progress of one command. */
export function createProgress(tell: (line: string) => void): Progress {
	let timer: NodeJS.Timeout | undefined;
	let startedAt = 0;
	let what = '';
	const wait = (ms: number): void => {
		timer = setTimeout(speak, ms).unref();
	};
	function speak(): void {
		const seconds = Math.round((performance.now() - startedAt) / 1_000);
		tell(seconds < 2 ? `… ${what}` : `… ${what} (${seconds} s)`);
		wait(AGAIN_MS);
	}
	return {
		say(next) {
			clearTimeout(timer);
			what = next;
			startedAt = performance.now();
			wait(FIRST_MS);
		},
		end: () => clearTimeout(timer),
	};
}
