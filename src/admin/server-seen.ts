import * as z from 'zod';
import { ERRORS, type ErrorCode } from '../errors/table.ts';
import type { ResourceParts } from './resource-parts.ts';

/** What this process knows of a server, beside what is written of it. */
export const SEEN = {
	state: z
		.enum(['unknown', 'ready', 'failing'])
		.describe('failing: the last thing that was tried went wrong on its side. unknown: nothing was tried yet.'),
	spokenEra: z.enum(['modern', 'legacy']).nullable().describe('Family of MCP revisions that it was found to speak.'),
	toolCount: z.int().nullable().describe('Tools of the list that was read last, allowed or not.'),
	lastError: z
		.strictObject({
			code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
			at: z.string().meta({ format: 'date-time' }),
		})
		.nullable()
		.describe('Stays when the server is ready again.'),
	fault: z.string().nullable().describe('Why it cannot be used here, such as a secret that cannot be found.'),
};

type Seen = { [Name in keyof typeof SEEN]: z.output<(typeof SEEN)[Name]> };

/** What is known of a server; nothing, where the configuration in force does not have it yet. */
export function seenOf(
	{ current, serverState }: Pick<ResourceParts, 'current' | 'serverState'>,
	workspace: string,
	slug: string,
): Seen {
	const server = current().workspaces.get(workspace)?.servers.get(slug);
	if (server === undefined) return UNKNOWN;
	const { state, era, toolCount, lastError } = serverState(server);
	return {
		state,
		spokenEra: era ?? null,
		toolCount: toolCount ?? null,
		lastError: lastError === undefined ? null : { code: lastError.code, at: new Date(lastError.at).toISOString() },
		fault: server.fault ?? null,
	};
}

const UNKNOWN: Seen = Object.freeze({
	state: 'unknown',
	spokenEra: null,
	toolCount: null,
	lastError: null,
	fault: null,
});
