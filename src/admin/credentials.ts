import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { Server } from '../config/snapshot.ts';
import { bindingOf, sealedText } from '../credentials/open-credential.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import {
	type CredentialPlace,
	type CredentialRow,
	type CredentialValues,
	credentialAt,
	deleteCredential,
	listCredentials,
	putCredential,
} from '../store/queries/credential.ts';
import type { WorkspaceTx } from '../store/tx.ts';
import { actorOf, identityOf, standingIn } from './caller.ts';
import { changeWorkspace, type Made, type PutAnswer, readWorkspace, workspaceIdOf } from './change.ts';
import { CREDENTIAL, requireFitting, showCredential, VALUES } from './credential-entry.ts';
import type { Authorization } from './decide-access.ts';
import { inputInvalid } from './input-invalid.ts';
import { knownServer } from './known-thing.ts';
import { found, versioned } from './managed.ts';
import { openPage, PAGE_QUERY, pageOf } from './page.ts';
import { requireMatch } from './precondition.ts';
import type { ResourceParts } from './resource-parts.ts';
import { type Context, defineRoute, type Route } from './route.ts';

const BODY = z.strictObject({
	values: VALUES.exactOptional(),
	reference: z
		.strictObject({ source: z.string().regex(/^[a-z]{1,32}$/), at: z.record(z.string(), z.unknown()) })
		.exactOptional()
		.describe('Where the secret lies outside of the gateway, below what belongs to the workspace there.'),
});

type Body = z.output<typeof BODY>;

/** Where credentials of one owner are, and who may do what there. */
interface Owned {
	readonly path: `/workspaces/:workspace/servers/:server/${'credential' | 'own-credential'}`;
	/** `Credential`, `OwnCredential`: end of the names of the operations. */
	readonly named: string;
	readonly whose: string;
	readonly authorize: Exclude<Authorization, string>;
	place(context: Placed): CredentialPlace;
	/** Whether the server takes such a credential. */
	takes(server: Server): boolean;
}

type Placed = Pick<Context, 'caller'> & { readonly params: { readonly workspace: string; readonly server: string } };

const OF_WORKSPACE: Owned = {
	path: '/workspaces/:workspace/servers/:server/credential',
	named: 'Credential',
	whose: "the workspace's credential for the server",
	authorize: { workspace: 'admin' },
	place: ({ params }) => ({ server: params.server, owner: undefined }),
	takes: ({ credential }) => credential === 'workspace' || credential === 'principal-or-workspace',
};

const OF_CALLER: Owned = {
	path: '/workspaces/:workspace/servers/:server/own-credential',
	named: 'OwnCredential',
	whose: 'your own credential for the server',
	authorize: { workspace: 'read', apiKeys: 'refused' },
	place({ params, caller }) {
		// The operator is no person and has no account anywhere.
		if (caller.principal === undefined) throw new PortcullisError('PC_NOT_FOUND');
		return { server: params.server, owner: identityOf(caller) };
	},
	takes: ({ credential }) => credential.startsWith('principal'),
};

/** Credentials of servers: written, replaced and taken away, and never read. */
export function createCredentialsRoutes(parts: ResourceParts): readonly Route[] {
	const each = [OF_WORKSPACE, OF_CALLER].flatMap((owned) => [
		read(parts, owned),
		put(parts, owned),
		remove(parts, owned),
	]);
	return [list(parts), ...each];
}

const list = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'listCredentials',
		method: 'GET',
		path: '/workspaces/:workspace/credentials',
		summary: 'Credentials of the workspace; your own where you do not administer it',
		authorize: { workspace: 'read', apiKeys: 'refused' },
		query: PAGE_QUERY,
		responses: { 200: pageOf(CREDENTIAL) },
		async handle(context) {
			const { after, rows, answer } = openPage(context, z.uuid());
			const isAdmin = standingIn(context.params.workspace, context.caller)?.level === 'admin';
			const owner = isAdmin ? undefined : identityOf(context.caller);
			const read = await readWorkspace(parts, context, (tx) => listCredentials(tx, { after, limit: rows, owner }));
			return { status: 200, body: answer(read, { keyOf: ({ id }) => id, itemOf: showCredential }) };
		},
	});

const read = (parts: ResourceParts, owned: Owned): Route =>
	defineRoute({
		id: `read${owned.named}`,
		method: 'GET',
		path: owned.path,
		summary: `What is known of ${owned.whose}`,
		authorize: owned.authorize,
		responses: { 200: CREDENTIAL },
		async handle(context) {
			const row = await readWorkspace(parts, context, (tx) => credentialAt(tx, owned.place(context)));
			return { status: 200, body: showCredential(found(row)) };
		},
	});

const put = (parts: ResourceParts, owned: Owned): Route =>
	defineRoute({
		id: `put${owned.named}`,
		method: 'PUT',
		path: owned.path,
		summary: `Makes or replaces ${owned.whose}`,
		authorize: owned.authorize,
		body: BODY,
		responses: { 200: CREDENTIAL, 201: CREDENTIAL },
		async handle(context) {
			const { workspace, server: slug } = context.params;
			const server = knownServer(context, context.params);
			if (!owned.takes(server)) {
				const message = `the server takes no such credential; it says credential: ${server.credential}`;
				throw inputInvalid([{ path: 'body', message }]);
			}
			const place = owned.place(context);
			const before = await readWorkspace(parts, context, (tx) => credentialAt(tx, place));
			// Sealed before the database is held: the keys may be far away.
			const values = await valuesOf(parts, context, { server, id: before?.id ?? randomUUID() });
			return changeWorkspace(parts, context, async (tx): Promise<Made<PutAnswer<z.output<typeof CREDENTIAL>>>> => {
				const row = await credentialAt(tx, place);
				requireMatch(context.precondition, row);
				if (row !== undefined && row.id !== values.id) throw new PortcullisError('PC_CONFLICT');
				const body = showCredential(await write(tx, place, values));
				const object = `${slug}#${body.id}`;
				if (row !== undefined) return { answer: { status: 200, body }, action: 'credential.update', object };
				const location = owned.path.replace(':workspace', workspace).replace(':server', slug);
				return { answer: { status: 201, location, body }, action: 'credential.create', object };
			});
		},
	});

async function write(tx: WorkspaceTx, place: CredentialPlace, values: CredentialValues): Promise<CredentialRow> {
	found(await putCredential(tx, place, values));
	return found(await credentialAt(tx, place));
}

interface Target {
	readonly server: Server;
	readonly id: string;
}

type Putting = Pick<Context, 'caller' | 'signal' | 'operation' | 'snapshot'> & {
	readonly body: Body;
	readonly params: { readonly workspace: string };
};

async function valuesOf(parts: ResourceParts, context: Putting, { server, id }: Target): Promise<CredentialValues> {
	const { caller, body, signal } = context;
	const { values, reference } = body;
	const made = { id, scopes: [], createdBy: actorOf(caller) };
	if ((values === undefined) === (reference === undefined)) {
		throw inputInvalid([{ path: 'body', message: 'give either values or a reference' }]);
	}
	if (values === undefined || reference !== undefined) {
		return { ...made, kind: 'reference', sealed: null, keyId: null, reference: reference ?? {}, names: [] };
	}
	requireFitting(server, values);
	const binding = bindingOf({ workspaceId: workspaceIdOf(context), id });
	const { keyId, bytes } = await parts.sealing.seal(sealedText(values), binding, signal);
	return { ...made, kind: 'values', sealed: bytes, keyId, reference: null, names: Object.keys(values).sort() };
}

const remove = (parts: ResourceParts, owned: Owned): Route =>
	defineRoute({
		id: `delete${owned.named}`,
		method: 'DELETE',
		path: owned.path,
		summary: `Destroys ${owned.whose}`,
		authorize: owned.authorize,
		responses: { 204: null },
		handle: (context) =>
			changeWorkspace(parts, context, async (tx) => {
				const row = found(await credentialAt(tx, owned.place(context)));
				requireMatch(context.precondition, row);
				await versioned(deleteCredential(tx, row));
				const object = `${row.server}#${row.id}`;
				return { answer: { status: 204 as const }, action: 'credential.delete', object };
			}),
	});
