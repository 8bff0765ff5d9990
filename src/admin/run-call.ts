import type { Answer } from '../mcp/answer.ts';
import { handleCall, type Stages } from '../pipeline.ts';
import type { TrialCall } from './resource-parts.ts';

/** Makes calls of people the management API has already established: from there on, calls like any other. */
export function createRunCall(stages: Stages): (trial: TrialCall) => Promise<Answer> {
	return ({ requestId, principal, workspace, server, call, signal }) =>
		handleCall(
			{ ...stages, authenticate: () => principal },
			{
				requestId,
				presented: { rawHeaders: [], remoteAddress: '' },
				acceptsStream: false,
				endsWithConnection: false,
				admit: () => ({ kind: 'server', workspace, server }),
				readCall: async () => call,
				disconnected: () => signal,
			},
		);
}
