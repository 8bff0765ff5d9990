import type { Server } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Answer, FrameSink } from '../mcp/answer.ts';

/** Counts the calls under way to each server, so that a server that is slow or flooded holds up no other. */
export interface Bulkhead {
	/**
	 * Makes the call where there is room for it; a stream takes its room until it has ended, however it ends. Rejects
	 * with PC_SERVER_BUSY and with whatever the call does.
	 */
	within(server: Server, call: () => Promise<Answer>): Promise<Answer>;
	/** Calls under way to all servers. */
	inFlight(): number;
}

/** Nothing is under way yet; `onFull` is told of each call that there was no room for. */
export function createBulkhead(onFull: () => void): Bulkhead {
	const underWay = new Map<string, number>();
	let total = 0;

	function enter({ workspaceId, slug, limits }: Server): () => void {
		const key = `${workspaceId}/${slug}`;
		const count = underWay.get(key) ?? 0;
		if (count >= limits.concurrency) {
			onFull();
			throw new PortcullisError('PC_SERVER_BUSY', { data: { limit: 'server', retry_after: 1 }, retryAfterSeconds: 1 });
		}
		underWay.set(key, count + 1);
		total++;
		return once(() => {
			total--;
			const left = (underWay.get(key) ?? 1) - 1;
			if (left > 0) underWay.set(key, left);
			else underWay.delete(key);
		});
	}

	return {
		async within(server, call) {
			const leave = enter(server);
			try {
				const answer = await call();
				if (answer.kind === 'stream') return { ...answer, pump: (sink) => pumpAll(answer, sink, leave) };
				leave();
				return answer;
			} catch (error) {
				leave();
				throw error;
			}
		},
		inFlight: () => total,
	};
}

type StreamAnswer = Extract<Answer, { kind: 'stream' }>;

async function pumpAll(answer: StreamAnswer, sink: FrameSink, leave: () => void) {
	try {
		return await answer.pump(sink);
	} finally {
		leave();
	}
}

function once(fn: () => void): () => void {
	let isDone = false;
	return () => {
		if (isDone) return;
		isDone = true;
		fn();
	};
}
