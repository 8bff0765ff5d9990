import { PortcullisError } from '../../errors/portcullis-error.ts';
import { refusedProof } from './edge-refusal.ts';

/** How many assertions are remembered at most, about 20 MB. */
export const MAX_REMEMBERED = 100_000;

/** The ids of assertions that were taken and could be sent again. */
export interface Replays {
	/**
	 * Takes an assertion once. Throws PC_EDGE_REFUSED the second time, and PC_EDGE_BUSY when no more can be remembered:
	 * forgetting one early would let it be replayed.
	 */
	take(id: string, until: number): void;
}

/** What bounds the memory. */
export interface ReplayOptions {
	/** Milliseconds since 1970; the same clock as `until`. */
	readonly now: () => number;
	readonly most?: number;
}

const SWEEP_MS = 1_000;

/** An empty memory. */
export function createReplays({ now, most = MAX_REMEMBERED }: ReplayOptions): Replays {
	const taken = new Map<string, number>();
	let sweptAt = Number.NEGATIVE_INFINITY;

	/** At most once a second: while it is full of ids that still count, looking at all of them is work for nothing. */
	function sweep(at: number): void {
		if (Math.abs(at - sweptAt) < SWEEP_MS) return;
		sweptAt = at;
		for (const [id, until] of taken) if (until <= at) taken.delete(id);
	}

	return {
		take(id, until) {
			if (taken.has(id)) throw refusedProof('the assertion was sent before');
			if (taken.size >= most) sweep(now());
			if (taken.size >= most)
				throw new PortcullisError('PC_EDGE_BUSY', { detail: `${most} assertions are remembered` });
			taken.set(id, until);
		},
	};
}
