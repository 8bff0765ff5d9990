import * as z from 'zod';
import type { JsonObject } from '../config/declared.ts';
import { declaredServerOf } from '../config/declared-file.ts';
import { changedFields } from '../config/declared-plan.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { SLUG } from '../lib/slug.ts';
import { deleteServerCredentials } from '../store/queries/credential.ts';
import {
	deleteServer,
	insertServer,
	listServers,
	type ServerRow,
	serverBySlug,
	updateServer,
} from '../store/queries/server.ts';
import { isInToolset } from '../store/queries/toolset.ts';
import type { Caller } from './caller.ts';
import { changeWorkspace, readWorkspace } from './change.ts';
import { hideSecrets, keepSecrets } from './endpoint-secrets.ts';
import { isForOperator } from './is-for-operator.ts';
import { changeable, found, MANAGED, managedOf, versioned } from './managed.ts';
import { openPage, PAGE_QUERY, pageOf } from './page.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';
import { ENTRY, entryOf, readServer, SHOWN_ENDPOINT, type StoredServer, valuesOf } from './server-entry.ts';
import { SEEN, seenOf } from './server-seen.ts';

const { transport, ...OPTIONAL } = ENTRY;

const NEW = z.strictObject({ slug: z.string().regex(SLUG), transport, ...z.strictObject(OPTIONAL).partial().shape });

/** A member that is sent replaces what was there; null makes it what it is where nobody says anything. */
const CHANGE = z.strictObject({
	transport: transport.optional(),
	...z.strictObject(mapShape(OPTIONAL, (member) => member.nullable())).partial().shape,
});

function mapShape<Shape extends Readonly<Record<string, z.ZodType>>>(
	shape: Shape,
	map: (member: z.ZodType) => z.ZodType,
): { [Name in keyof Shape]: z.ZodType } {
	const mapped = Object.entries(shape).map(([name, member]) => [name, map(member)]);
	return Object.fromEntries(mapped) as { [Name in keyof Shape]: z.ZodType };
}

/** A server as it is shown. */
export const SERVER = z
	.strictObject({
		slug: z.string(),
		title: z.string().nullable(),
		transport: z.string(),
		...SHOWN_ENDPOINT,
		era: ENTRY.era,
		isolation: z.enum(['shared', 'principal', 'session']),
		credential: ENTRY.credential,
		clientFeatures: z.array(z.string()).nullable().describe('null: what its transport has by itself.'),
		limits: ENTRY.limits,
		enabled: z.boolean(),
		tools: ENTRY.tools,
		...SEEN,
		...MANAGED,
	})
	.meta({ id: 'Server' });

const LIST_PATH = '/workspaces/:workspace/servers';
const PATH = '/workspaces/:workspace/servers/:server';
const ADMIN = { workspace: 'admin' } as const;

/** Servers of a workspace: where they are, how they are spoken to, and what is known of them. */
export function createServersRoutes(parts: ResourceParts): readonly Route[] {
	return [list(parts), create(parts), read(parts), change(parts), remove(parts)];
}

const list = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'listServers',
		method: 'GET',
		path: LIST_PATH,
		summary: 'Servers of the workspace, and what is known of them',
		authorize: ADMIN,
		query: PAGE_QUERY,
		responses: { 200: pageOf(SERVER) },
		async handle(context) {
			const { after, rows, answer } = openPage(context, z.string());
			const read = await readWorkspace(parts, context, (tx) => listServers(tx, { after, limit: rows }));
			const itemOf = (row: ServerRow) => showServer(parts, context.params.workspace, row);
			return { status: 200, body: answer(read, { keyOf: ({ slug }) => slug, itemOf }) };
		},
	});

const create = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'createServer',
		method: 'POST',
		path: LIST_PATH,
		summary: 'Makes a server; its members are those of the configuration file',
		authorize: ADMIN,
		body: NEW,
		responses: { 201: SERVER },
		idempotency: 'creation',
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const { slug, ...body } = context.body;
				const { workspace } = context.params;
				const entry = keepSecrets(body);
				requireMay(context.caller, entry);
				await insertServer(tx, valuesOf(slug, readServer(entry)));
				const shown = showServer(parts, workspace, found(await serverBySlug(tx, slug)));
				const location = `/workspaces/${workspace}/servers/${slug}`;
				return { answer: { status: 201 as const, location, body: shown }, action: 'server.create', object: slug };
			}),
	});

const read = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'readServer',
		method: 'GET',
		path: PATH,
		summary: 'One server, and what is known of it',
		authorize: ADMIN,
		responses: { 200: SERVER },
		async handle(context) {
			const { workspace, server } = context.params;
			const row = await readWorkspace(parts, context, (tx) => serverBySlug(tx, server));
			return { status: 200, body: showServer(parts, workspace, found(row)) };
		},
	});

const change = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'changeServer',
		method: 'PATCH',
		path: PATH,
		summary: 'Changes a server: members that are sent replace what was there, null takes them away',
		authorize: ADMIN,
		body: CHANGE,
		responses: { 200: SERVER },
		async handle(context) {
			const { workspace, server: slug } = context.params;
			const answer = await changeWorkspace(parts, context, async (tx) => {
				const row = changeable(await serverBySlug(tx, slug), context);
				const before = entryOf(row);
				const after = withoutNulls({ ...before, ...keepSecrets(context.body, row.endpoint) });
				requireMay(context.caller, after, row);
				const values = valuesOf(slug, readServer(after), row);
				await versioned(updateServer(tx, { ...values, version: row.version }));
				// A secret goes where it was meant to go when it was entered: nobody sends it unseen to another host.
				const isMoved = placeOf(row.endpoint) !== placeOf(values.endpoint);
				if (isMoved && context.caller.kind !== 'operator') await deleteServerCredentials(tx, row.id);
				const body = showServer(parts, workspace, found(await serverBySlug(tx, slug)));
				const fields = changedFields(before, entryOf(values));
				return { answer: { status: 200 as const, body }, action: 'server.update', object: slug, fields };
			});
			// What was known of it was of how it was before.
			return { ...answer, body: { ...answer.body, ...seenOf(parts, workspace, slug) } };
		},
	});

// Before the rules of a server judge it: what is for others to set has no fault to tell.
function requireMay(caller: Caller, entry: JsonObject, before?: StoredServer): void {
	const mustBeOperator = isForOperator(declaredServerOf(entry), before);
	if (mustBeOperator && caller.kind !== 'operator') throw new PortcullisError('PC_OPERATOR_ONLY');
}

function placeOf({ url, baseUrl }: JsonObject): string {
	const hosts = [url, baseUrl].map((each) => /^[^/?#]*:\/\/[^/?#]*/.exec(String(each))?.[0].toLowerCase());
	return JSON.stringify(hosts);
}

function withoutNulls(entry: JsonObject): JsonObject {
	return Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== null));
}

const remove = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'deleteServer',
		method: 'DELETE',
		path: PATH,
		summary: 'Removes a server that no toolset has tools of, with its rules',
		authorize: ADMIN,
		responses: { 204: null },
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const { id, slug, version } = changeable(await serverBySlug(tx, context.params.server), context);
				const isUsed = await isInToolset(tx, id);
				// It would leave the toolset unseen, which would still say to be the version it was.
				if (isUsed) throw new PortcullisError('PC_CONFLICT', { detail: 'a toolset has tools of the server' });
				await versioned(deleteServer(tx, slug, version));
				return { answer: { status: 204 as const }, action: 'server.delete', object: slug };
			}),
	});

/** A stored server as it is shown: secrets hidden, with what is known of it. */
export function showServer(parts: ResourceParts, workspace: string, row: ServerRow): z.output<typeof SERVER> {
	const { slug, title, transport, endpoint, clientFeatures } = row;
	const { era, isolation, credential, limits, enabled, tools } = entryOf(row) as z.output<typeof SERVER>;
	return {
		...{ slug, title, transport, ...hideSecrets(endpoint), era, isolation, credential, limits, enabled, tools },
		clientFeatures: clientFeatures === null ? null : [...clientFeatures],
		...seenOf(parts, workspace, slug),
		...managedOf(row),
	};
}
