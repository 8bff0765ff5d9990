import type { EdgeLimits } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { elementsOf, sliceOf } from '../lib/json-text.ts';
import type { Call } from '../mcp/call.ts';
import { readMessage } from '../mcp/read-message.ts';
import { allowsBatches } from '../mcp/revisions.ts';
import { readJson } from './read-json.ts';

/** The calls of one body: one, or those of a batch. */
export interface Calls {
	readonly calls: readonly Call[];
	readonly isBatch: boolean;
}

/** Parses a body within the limits and classifies its messages. Throws PC_JSON_*, PC_BATCH_REFUSED and others. */
export function readCalls(text: string, headers: ReadonlyMap<string, string>, limits: EdgeLimits): Calls {
	const value = readJson(text, { depth: limits.jsonDepth, nodes: limits.jsonNodes });
	if (!Array.isArray(value)) return { calls: [readMessage({ text, value, headers })], isBatch: false };
	if (value.length === 0 || value.length > limits.batchMessages) throw new PortcullisError('PC_BATCH_REFUSED');
	const spans = elementsOf(text);
	const calls = value.map((element: unknown, index) => {
		const span = spans[index] ?? { start: 0, end: 0 };
		return readMessage({ text: sliceOf(text, span), value: element, headers });
	});
	const allowed = calls.every((call) => call.era === 'legacy' && allowsBatches(call.revision));
	if (!allowed) throw new PortcullisError('PC_BATCH_REFUSED');
	return { calls, isBatch: true };
}
