import * as z from 'zod';
import type { Server } from '../config/snapshot.ts';
import { toPortcullisError } from '../errors/portcullis-error.ts';
import type { Principal } from '../identity/principal.ts';
import { askerOf } from './asker.ts';
import { knownServer } from './known-thing.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';

const OUTCOME = z
	.strictObject({
		works: z.boolean(),
		credential: z.string().nullable().describe('Which one it was tried with, and whose; never its value.'),
		revision: z.string().nullable().describe('MCP revision that was agreed on.'),
		toolCount: z.int().nullable(),
		error: z.strictObject({ code: z.string(), sentence: z.string() }).nullable(),
	})
	.meta({ id: 'CredentialTest' });

type Outcome = z.output<typeof OUTCOME>;

/** Tries the credential with which the caller calls a server, and says what came of it. */
export function createCredentialTestRoutes(parts: ResourceParts): readonly Route[] {
	return [
		defineRoute({
			id: 'testCredential',
			method: 'POST',
			path: '/workspaces/:workspace/servers/:server/credential/test',
			summary: 'Asks the server for its tools with the credential that you would call it with',
			authorize: { workspace: 'read' },
			responses: { 200: OUTCOME },
			async handle(context) {
				const server = knownServer(context, context.params);
				const principal = askerOf(context.caller, context.snapshot);
				return { status: 200, body: await tryOut(parts, { principal, server }, context.signal) };
			},
		}),
	];
}

interface Tried {
	readonly principal: Principal;
	readonly server: Server;
}

async function tryOut({ credentialOf, directory }: ResourceParts, tried: Tried, signal: AbortSignal): Promise<Outcome> {
	let credential: string | null = null;
	try {
		credential = credentialOf(tried.principal, tried.server);
		const list = await directory.listAgain({ ...tried, kind: 'tools', profile: '{}', signal });
		const { revision } = await directory.spokenBy(tried);
		const told = { credential, revision, toolCount: list.items.length };
		if (!list.outdated) return { works: true, ...told, error: null };
		const sentence = 'The server does not answer at the moment; this is what it said before.';
		return { works: false, ...told, error: { code: 'PC_UPSTREAM_UNREACHABLE', sentence } };
	} catch (thrown) {
		const { code, sentence } = toPortcullisError(thrown);
		return { works: false, credential, revision: null, toolCount: null, error: { code, sentence } };
	}
}
