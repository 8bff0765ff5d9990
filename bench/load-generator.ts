/** The load generator: a process of its own that takes one order at a time over IPC and reports what it measured. */
import { createHttpLoad, type HttpTarget, openSession } from './load-http.ts';
import { createMeter, measure } from './load-meter.ts';
import { createStdioLoad, type StdioChild, startStdioChild } from './load-stdio.ts';
import { FIRST_ID, type LoadOrder, type LoadReport, type LoadResult, type LoadTarget } from './load-wire.ts';

let lastId = FIRST_ID;
/** Ids are unique over the whole run, so that no late answer can pass for another. */
const nextId = () => ++lastId;

/** Stdio servers by their command line; they live as long as the generator, as they do behind a gateway. */
const children = new Map<string, StdioChild>();

type StdioTarget = Extract<LoadTarget, { kind: 'stdio' }>;

async function loadHttp(target: HttpTarget, order: LoadOrder): Promise<LoadResult> {
	const meter = createMeter(target.pid);
	const sessionId = await openSession(target);
	const loads = Array.from({ length: order.connections }, () => createHttpLoad(target, sessionId, { meter, nextId }));
	return measure(meter, loads, order);
}

async function loadStdio({ args, call }: StdioTarget, order: LoadOrder): Promise<LoadResult> {
	const child = children.get(args.join()) ?? (await startStdioChild(args));
	children.set(args.join(), child);
	const meter = createMeter(child.pid);
	return measure(meter, [createStdioLoad(child, order.connections, { meter, nextId, call })], order);
}

async function take(order: LoadOrder): Promise<LoadReport> {
	const { target } = order;
	try {
		return { result: await (target.kind === 'http' ? loadHttp(target, order) : loadStdio(target, order)) };
	} catch (error) {
		return { error: error instanceof Error ? error.message : String(error) };
	}
}

process.on('message', (order) => {
	take(order as LoadOrder).then((report) => process.send?.(report));
});
process.on('disconnect', () => {
	for (const child of children.values()) child.close();
	process.exit(0);
});
