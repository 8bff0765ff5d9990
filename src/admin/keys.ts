import * as z from 'zod';
import { changedFields } from '../config/declared-plan.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { createKeyText, keyDigest, keyPrefix } from '../lib/api-key-text.ts';
import type { Identity } from '../lib/principal-key.ts';
import {
	type ApiKeyRow,
	apiKeyById,
	deleteApiKey,
	insertApiKey,
	listApiKeys,
	updateApiKey,
} from '../store/queries/api-key.ts';
import type { WorkspaceTx } from '../store/tx.ts';
import { actorOf, type Caller, identityOf, standingIn } from './caller.ts';
import { changeWorkspace, readWorkspace } from './change.ts';
import { inputInvalid } from './input-invalid.ts';
import { KEY_PARTS, KEY_SHOWN, type OpenWebUiEntry, requireServers, requireTrust } from './key-entry.ts';
import { found, versioned } from './managed.ts';
import { openPage, PAGE_QUERY, pageOf } from './page.ts';
import { requireMatch } from './precondition.ts';
import type { ResourceParts } from './resource-parts.ts';
import { type Context, defineRoute, type Route } from './route.ts';

const NEW = z.strictObject({
	kind: z
		.enum(['personal', 'service', 'open-webui'])
		.describe(
			'personal: speaks for you; service: for itself; open-webui: for whom an instance names. Admins make the latter.',
		),
	...KEY_PARTS.needed,
	servers: KEY_PARTS.servers.default(null),
	networks: KEY_PARTS.networks.default(null),
	expiresAt: KEY_PARTS.expiresAt.default(null),
	openWebUi: KEY_PARTS.openWebUi.default(null),
});

const CHANGE = z.strictObject({
	name: KEY_PARTS.needed.name.exactOptional(),
	level: KEY_PARTS.needed.level.exactOptional(),
	servers: KEY_PARTS.servers.exactOptional(),
	networks: KEY_PARTS.networks.exactOptional(),
	expiresAt: KEY_PARTS.expiresAt.exactOptional(),
	openWebUi: KEY_PARTS.openWebUi.exactOptional(),
});

const KEY = z.strictObject(KEY_SHOWN).meta({ id: 'ApiKey' });
const MADE = z
	.strictObject({
		...KEY_SHOWN,
		key: z.string().nullable().describe('The key itself, this once: it is kept nowhere. null in a repeated answer.'),
	})
	.meta({ id: 'NewApiKey' });

const LIST_PATH = '/workspaces/:workspace/keys';
const PATH = '/workspaces/:workspace/keys/:key';
/** Whoever is not an administrator sees, makes and changes personal keys of their own, and no others are there for them. */
const THEIRS = { workspace: 'read', apiKeys: 'refused' } as const;
const PARAMS = { key: z.uuid() };

/** API keys of a workspace: administrators manage all, everybody else who holds anything there their own personal ones. */
export function createKeysRoutes(parts: ResourceParts): readonly Route[] {
	return [list(parts), create(parts), read(parts), change(parts), remove(parts)];
}

const list = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'listKeys',
		method: 'GET',
		path: LIST_PATH,
		summary: 'API keys of the workspace; your own where you do not administer it',
		authorize: THEIRS,
		query: PAGE_QUERY,
		responses: { 200: pageOf(KEY) },
		async handle(context) {
			const { after, rows, answer } = openPage(context, z.uuid());
			const owner = isAdmin(context) ? undefined : identityOf(context.caller);
			const read = await readWorkspace(parts, context, (tx) => listApiKeys(tx, { after, limit: rows, owner }));
			return { status: 200, body: answer(read, { keyOf: ({ id }) => id, itemOf: show }) };
		},
	});

const create = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'createKey',
		method: 'POST',
		path: LIST_PATH,
		summary: 'Makes an API key and shows it, this once',
		authorize: THEIRS,
		body: NEW,
		responses: { 201: MADE },
		idempotency: 'creation',
		async handle(context) {
			// Asked before the database is held: a directory may take its time.
			const owner = await ownerOf(parts, context);
			return changeWorkspace(parts, context, async (tx) => {
				const { expiresAt, openWebUi, ...says } = context.body;
				requireTrust(context.body, context.snapshot);
				requireToCome(expiresAt);
				await requireServers(tx, says.servers);
				const key = createKeyText();
				const settings = openWebUi ?? {};
				const made = { ...says, owner, settings, expiresAt: dateOf(expiresAt), createdBy: actorOf(context.caller) };
				const id = await insertApiKey(tx, { ...made, digest: keyDigest(key), prefix: keyPrefix(key) });
				const shown = show(found(await apiKeyById(tx, id)));
				const location = `/workspaces/${context.params.workspace}/keys/${id}`;
				const body = { ...shown, key };
				const answer = { status: 201 as const, location, body, keptBody: { ...shown, key: null } };
				return { answer, action: 'key.create', object: id };
			});
		},
	});

const read = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'readKey',
		method: 'GET',
		path: PATH,
		params: PARAMS,
		summary: 'One API key',
		authorize: THEIRS,
		responses: { 200: KEY },
		async handle(context) {
			return { status: 200, body: show(await readWorkspace(parts, context, (tx) => visibleKey(tx, context))) };
		},
	});

const change = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'changeKey',
		method: 'PATCH',
		path: PATH,
		params: PARAMS,
		summary: 'Changes what an API key may do; the key itself stays',
		authorize: THEIRS,
		body: CHANGE,
		responses: { 200: KEY },
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const before = await visibleKey(tx, context);
				requireMatch(context.precondition, before);
				const { expiresAt, openWebUi = trustIn(before), ...says } = context.body;
				requireToCome(expiresAt ?? null);
				requireTrust({ ...before, ...says, openWebUi }, context.snapshot);
				await requireServers(tx, says.servers ?? null);
				const ends = expiresAt === undefined ? before.expiresAt : dateOf(expiresAt);
				await versioned(updateApiKey(tx, { ...before, ...says, settings: openWebUi ?? {}, expiresAt: ends }));
				const after = found(await apiKeyById(tx, before.id));
				const answer = { status: 200 as const, body: show(after) };
				return { answer, action: 'key.update', object: before.id, fields: changedFields(said(before), said(after)) };
			}),
	});

const remove = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'revokeKey',
		method: 'DELETE',
		path: PATH,
		params: PARAMS,
		summary: 'Revokes an API key, for good',
		authorize: THEIRS,
		responses: { 204: null },
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const row = await visibleKey(tx, context);
				requireMatch(context.precondition, row);
				await versioned(deleteApiKey(tx, row));
				return { answer: { status: 204 as const }, action: 'key.delete', object: row.id };
			}),
	});

type InWorkspace = Pick<Context, 'caller' | 'snapshot'> & { readonly params: { readonly workspace: string } };

function isAdmin({ caller, params }: Pick<InWorkspace, 'caller' | 'params'>): boolean {
	return standingIn(params.workspace, caller)?.level === 'admin';
}

// Another person's key is as unknown as one that is not there.
async function visibleKey(
	tx: WorkspaceTx,
	context: Pick<InWorkspace, 'caller'> & { readonly params: { readonly workspace: string; readonly key: string } },
): Promise<ApiKeyRow> {
	const row = found(await apiKeyById(tx, context.params.key));
	if (isAdmin(context) || isOwner(row, context.caller)) return row;
	throw new PortcullisError('PC_NOT_FOUND');
}

function isOwner({ issuer, tid, oid }: ApiKeyRow, caller: Caller): boolean {
	const who = identityOf(caller);
	return issuer === who.issuer && tid === who.tid && oid === who.oid;
}

/** Whose the new key is. Throws PC_LEVEL_TOO_LOW, PC_KEY_OWNER_UNKNOWN, PC_INPUT_INVALID. */
async function ownerOf(
	parts: Pick<ResourceParts, 'standingOf'>,
	context: InWorkspace & { readonly body: z.output<typeof NEW> },
): Promise<Identity | undefined> {
	const { caller, params, body } = context;
	if (body.kind !== 'personal') {
		if (!isAdmin(context)) throw new PortcullisError('PC_LEVEL_TOO_LOW');
		return undefined;
	}
	if (caller.principal === undefined) {
		throw inputInvalid([
			{ path: 'body.kind', message: 'the operator is no person; sign in to make a key of your own' },
		]);
	}
	const person = identityOf(caller);
	const held = await parts.standingOf(person, params.workspace);
	if (held === undefined) throw new PortcullisError('PC_KEY_OWNER_UNKNOWN');
	return person;
}

function requireToCome(expiresAt: string | null): void {
	if (expiresAt === null || Date.parse(expiresAt) > Date.now()) return;
	throw inputInvalid([{ path: 'body.expiresAt', message: 'must be to come' }]);
}

const dateOf = (text: string | null): Date | null => (text === null ? null : new Date(text));

function trustIn({ kind, settings }: ApiKeyRow): OpenWebUiEntry {
	return kind === 'open-webui' ? (settings as OpenWebUiEntry) : null;
}

const said = (row: ApiKeyRow) => {
	const { name, level, servers, networks, expiresAt } = row;
	return { name, level, servers, networks, openWebUi: trustIn(row), expiresAt: expiresAt?.toISOString() ?? null };
};

function show(row: ApiKeyRow): z.output<typeof KEY> {
	const { id, prefix, kind, issuer, tid, oid, createdBy, lastUsedAt, version, createdAt, updatedAt } = row;
	const { servers, networks, ...rest } = said(row);
	return {
		...{ id, kind, prefix, ...rest },
		servers: servers && [...servers],
		networks: networks && [...networks],
		owner: issuer === null || tid === null || oid === null ? null : { issuer, tid, oid },
		createdBy,
		lastUsedAt: lastUsedAt?.toISOString() ?? null,
		...{ version, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() },
	};
}
