import * as z from 'zod';
import type { DeclaredServer, JsonObject } from '../config/declared.ts';
import { declaredServerOf } from '../config/declared-file.ts';
import { serverSchema } from '../config/file-schema.ts';
import { DEFAULT_UPSTREAM_LIMITS, HIGHEST_UPSTREAM_LIMIT } from '../config/limits.ts';
import { oauthSchema } from '../config/oauth-schema.ts';
import { readEntry } from '../config/read-entry.ts';
import { createLenientLookup, escapePlainText } from '../config/secret-template.ts';
import { CREDENTIAL_USES } from '../config/snapshot.ts';
import { CLIENT_FEATURES } from '../mcp/client-features.ts';
import type { ServerValues } from '../store/queries/server.ts';
import { inputInvalid } from './input-invalid.ts';
import { isKept, NOT_KEPT, plainText } from './plain-text.ts';

const LIMITS = Object.keys(DEFAULT_UPSTREAM_LIMITS) as (keyof typeof DEFAULT_UPSTREAM_LIMITS)[];

const TEXT = z.string().max(8_192).refine(isKept, NOT_KEPT);
const NAMED = z.record(TEXT, TEXT);

const RUNTIME = z
	.strictObject({
		runner: z.enum(['npm', 'uvx', 'container', 'binary']),
		package: z.string(),
		version: z.string().exactOptional(),
		program: z.string().exactOptional(),
		source: z.string().exactOptional(),
		minNode: z.string().exactOptional(),
	})
	.describe('A program that was installed ahead.');

/**
 * Members of a server that say where it is and with what; the rest of it is a matter of the workspace. Which of them a
 * transport takes, and what may stand in them, the rules of the configuration file say.
 */
const ENDPOINT = {
	url: TEXT,
	baseUrl: TEXT,
	operations: z.array(TEXT),
	allowPlainHttp: z.boolean(),
	headers: NAMED,
	command: TEXT,
	args: z.array(TEXT),
	cwd: TEXT,
	runtime: RUNTIME,
	env: NAMED,
	oauth: oauthSchema(),
};

/** The same as it is shown: what a file wrote may be longer. */
export const SHOWN_ENDPOINT = {
	url: z.string().exactOptional(),
	baseUrl: z.string().exactOptional(),
	operations: z.array(z.string()).exactOptional(),
	allowPlainHttp: z.boolean().exactOptional(),
	headers: z.record(z.string(), z.string()).exactOptional(),
	command: z.string().exactOptional(),
	args: z.array(z.string()).exactOptional(),
	cwd: z.string().exactOptional(),
	runtime: RUNTIME.exactOptional(),
	env: z.record(z.string(), z.string()).exactOptional(),
	oauth: z.record(z.string(), z.unknown()).exactOptional(),
};

/** All members of a server, as the configuration file names them; its tool rules have an address of their own. */
export const ENTRY = {
	title: plainText(200),
	transport: z.enum(['http', 'sse', 'stdio', 'openapi']),
	...ENDPOINT,
	era: z.enum(['auto', 'modern', 'legacy']),
	isolation: z.enum(['shared', 'principal']),
	credential: z.enum(CREDENTIAL_USES),
	clientFeatures: z.array(z.enum(CLIENT_FEATURES)),
	limits: z.partialRecord(z.enum(LIMITS), z.int().min(1).max(HIGHEST_UPSTREAM_LIMIT)),
	enabled: z.boolean(),
	tools: z.strictObject({ default: z.enum(['enabled', 'disabled']).default('enabled') }),
};

/** A server as it is stored, without its rules and what the store adds. */
export type StoredServer = Omit<DeclaredServer, 'rules'>;

/** A stored server as a body writes it; members that are as they would be anyway are left out. */
export function entryOf(server: StoredServer): JsonObject {
	const { title, transport, endpoint, era, isolation, credential, clientFeatures } = server;
	const { limits, toolsDefault, enabled } = server;
	return {
		...(title !== null && { title }),
		transport,
		...endpoint,
		...(clientFeatures !== null && { clientFeatures }),
		...{ era, isolation, credential, limits, enabled, tools: { default: toolsDefault } },
	};
}

/** What a body says, by the rules and in the sentences of the configuration file. Throws PC_INPUT_INVALID. */
export function readServer(entry: JsonObject): StoredServer {
	const { title } = entry;
	// A title is as it is meant here, where the file would write a literal ${ as $${.
	const written = { ...entry, ...(typeof title === 'string' && { title: escapePlainText(title) }) };
	const reading = readEntry(serverSchema(createLenientLookup()), written);
	if ('faults' in reading) {
		throw inputInvalid(reading.faults.map(({ path, message }) => ({ path: `body.${path}`, message })));
	}
	const { rules: _, ...server } = declaredServerOf(written);
	return server;
}

/** Everything of a server that is a row of its own. */
export function valuesOf(
	slug: string,
	server: StoredServer,
	known: Pick<ServerValues, 'catalogueId'> = { catalogueId: null },
): ServerValues {
	return { slug, ...server, catalogueId: known.catalogueId, managedBy: 'api' };
}
