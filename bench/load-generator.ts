/** The load generator: a process of its own that takes one order at a time over IPC and reports what it measured. */
import { createHttpLoad, type HttpTarget, openSession } from './load-http.ts';
import { createMeter, measure } from './load-meter.ts';
import { createStdioLoad, type StdioChild, startStdioChild } from './load-stdio.ts';
import { FIRST_ID, type LoadOrder, type LoadReport, type LoadResult } from './load-wire.ts';

let lastId = FIRST_ID;
/** Ids are unique over the whole run, so that no late answer can pass for another. */
const nextId = () => ++lastId;

/** The stdio server lives as long as the generator, as it does behind a gateway. */
let child: StdioChild | undefined;

async function loadHttp(target: HttpTarget, order: LoadOrder): Promise<LoadResult> {
	const meter = createMeter(target.pid);
	const sessionId = await openSession(target);
	const loads = Array.from({ length: order.connections }, () => createHttpLoad(target, sessionId, { meter, nextId }));
	return measure(meter, loads, order);
}

async function loadStdio(script: string, order: LoadOrder): Promise<LoadResult> {
	child ??= await startStdioChild(script);
	const meter = createMeter(child.pid);
	return measure(meter, [createStdioLoad(child, order.connections, { meter, nextId })], order);
}

async function take(order: LoadOrder): Promise<LoadReport> {
	const { target } = order;
	try {
		return { result: await (target.kind === 'http' ? loadHttp(target, order) : loadStdio(target.script, order)) };
	} catch (error) {
		return { error: error instanceof Error ? error.message : String(error) };
	}
}

process.on('message', (order) => {
	take(order as LoadOrder).then((report) => process.send?.(report));
});
process.on('disconnect', () => {
	child?.close();
	process.exit(0);
});
