import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What this process holds on to. */
export interface Footprint {
	/** Bytes of the heap that are still in use after the garbage has been collected. */
	readonly heapBytes: number;
	/** What keeps the event loop alive, by kind: sockets, pipes, children, timers. */
	readonly resources: Readonly<Record<string, number>>;
	/** Listeners of the process itself. */
	readonly listeners: number;
}

/** Makes something that measures; Node needs no flags for it. */
export function createFootprintMeter(): () => Promise<Footprint> {
	setFlagsFromString('--expose_gc');
	const collect = runInNewContext('gc') as () => void;
	return async () => {
		// What the first round frees may have held something else by a finalizer or a weak reference.
		for (let round = 0; round < 3; round++) {
			collect();
			await new Promise((resolve) => setImmediate(resolve));
		}
		return { heapBytes: process.memoryUsage().heapUsed, resources: resourcesNow(), listeners: listenersNow() };
	};
}

function resourcesNow(): Record<string, number> {
	const counts: Record<string, number> = {};
	for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
	return counts;
}

function listenersNow(): number {
	return process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
}
