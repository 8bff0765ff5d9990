import { randomBytes, randomUUID } from 'node:crypto';
import { createFixedSealer } from '../lib/fixed-seal.ts';
import { createSealer } from '../lib/seal.ts';
import { createRequestStates } from '../mcp/modern/request-state.ts';
import { createTaskIds } from '../mcp/modern/task-ids.ts';

/** What seals request states and task ids. Its keys live as long as the process: after a restart clients begin anew. */
export function createSeals() {
	const node = randomUUID();
	return {
		states: createRequestStates({ sealer: createSealer(randomBytes(32), 'mcp-request-state'), node }),
		tasks: createTaskIds(createFixedSealer(randomBytes(32), 'mcp-task')),
	};
}
