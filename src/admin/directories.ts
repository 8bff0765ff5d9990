import * as z from 'zod';
import { fillTid } from '../config/cross-faults.ts';
import type { DeclaredDirectory } from '../config/declared.ts';
import { directoryFileOf } from '../config/declared-file.ts';
import { changedFields } from '../config/declared-plan.ts';
import { directorySchema } from '../config/directory-schema.ts';
import { readEntry } from '../config/read-entry.ts';
import { createLenientLookup, escapePlainText as escaped } from '../config/secret-template.ts';
import type { Snapshot } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import {
	type DirectoryRow,
	deleteDirectory,
	directoryById,
	insertDirectory,
	listDirectories,
	lockPlatform,
	updateDirectory,
} from '../store/queries/platform.ts';
import type { PlatformTx } from '../store/tx.ts';
import type { Caller } from './caller.ts';
import { type Made, makeChange, type PutAnswer, reasonOf } from './change.ts';
import { requireOperatorForSecrets } from './directory-secrets.ts';
import { inputInvalid } from './input-invalid.ts';
import { changeable, found, MANAGED, requireApiManaged, versioned } from './managed.ts';
import { openPage, PAGE_QUERY, pageOf } from './page.ts';
import { plainText } from './plain-text.ts';
import { requireMatch } from './precondition.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';

const BODY = z.strictObject({
	issuer: plainText(512).describe('Exact iss of its tokens; {tid} stands for the id of the Entra tenant.'),
	tenantId: plainText(128),
	audiences: z.array(plainText(512)).min(1).max(50),
	jwksUrl: plainText(2_048),
	v1Issuer: plainText(512).exactOptional().describe('iss of its version 1 tokens; they are refused without it.'),
	clientApps: z.array(plainText(128)).min(1).max(200).exactOptional().describe('Any application without it.'),
	scopes: z
		.array(plainText(256))
		.min(1)
		.max(50)
		.exactOptional()
		.describe('As clients ask for them; a token of a person has one of them.'),
	guests: z.enum(['allow', 'deny']).exactOptional().describe('allow, unless it is said.'),
	graph: z
		.strictObject({
			clientId: plainText(128),
			clientSecret: plainText(1_024).describe('A reference, such as ${env:GRAPH_SECRET}; of the operator alone.'),
			tokenUrl: plainText(2_048).exactOptional(),
			baseUrl: plainText(512).exactOptional(),
		})
		.exactOptional()
		.describe('How groups are looked up; what the operator set may be sent back as it is, or left out.'),
	signIn: z
		.strictObject({
			clientId: plainText(128),
			clientSecret: plainText(1_024).describe('A reference, such as ${env:SIGN_IN_SECRET}; of the operator alone.'),
			authorizeUrl: plainText(2_048).exactOptional(),
			tokenUrl: plainText(2_048).exactOptional(),
			idTokenIssuer: plainText(512).exactOptional(),
			title: plainText(80).exactOptional(),
		})
		.exactOptional()
		.describe('How people sign in with a browser; what the operator set may be sent back as it is, or left out.'),
});

const { managedBy, version } = MANAGED;
/** As they are stored: what a file wrote may be longer. */
const SETTINGS = z.strictObject({
	v1Issuer: z.string().exactOptional(),
	clientApps: z.array(z.string()).exactOptional(),
	scopes: z.array(z.string()).exactOptional(),
	guests: BODY.shape.guests,
	graph: z
		.strictObject({
			clientId: z.string(),
			clientSecret: z.string().describe('The reference, as it was written.'),
			tokenUrl: z.string().exactOptional(),
			baseUrl: z.string().exactOptional(),
		})
		.exactOptional(),
	signIn: z
		.strictObject({
			clientId: z.string(),
			clientSecret: z.string().describe('The reference, as it was written.'),
			authorizeUrl: z.string().exactOptional(),
			tokenUrl: z.string().exactOptional(),
			idTokenIssuer: z.string().exactOptional(),
			title: z.string().exactOptional(),
		})
		.exactOptional(),
});

const DIRECTORY = z
	.strictObject({
		id: z.string(),
		issuer: z.string(),
		tenantId: z.string(),
		audiences: z.array(z.string()),
		jwksUrl: z.string(),
		...SETTINGS.shape,
		managedBy,
		version,
	})
	.meta({ id: 'Directory' });

const PATH = '/platform/directories/:directory';

/** Directories whose access tokens are accepted. */
export function createDirectoriesRoutes(parts: ResourceParts): readonly Route[] {
	return [list(parts), read(parts), put(parts), remove(parts)];
}

const list = ({ store }: ResourceParts): Route =>
	defineRoute({
		id: 'listDirectories',
		method: 'GET',
		path: '/platform/directories',
		summary: 'Directories whose tokens are accepted',
		authorize: 'platform-admin',
		query: PAGE_QUERY,
		responses: { 200: pageOf(DIRECTORY) },
		async handle(context) {
			const { after, rows, answer } = openPage(context, z.string());
			const read = await store.asPlatform(reasonOf(context), (tx) => listDirectories(tx, { after, limit: rows }));
			return { status: 200, body: answer(read, { keyOf: ({ id }) => id, itemOf: show }) };
		},
	});

const read = ({ store }: ResourceParts): Route =>
	defineRoute({
		id: 'readDirectory',
		method: 'GET',
		path: PATH,
		summary: 'One directory',
		authorize: 'platform-admin',
		responses: { 200: DIRECTORY },
		async handle(context) {
			const row = await store.asPlatform(reasonOf(context), (tx) => directoryById(tx, context.params.directory));
			return { status: 200, body: show(found(row)) };
		},
	});

const put = ({ store, refresh }: ResourceParts): Route =>
	defineRoute({
		id: 'putDirectory',
		method: 'PUT',
		path: PATH,
		summary: 'Makes or replaces a directory',
		authorize: 'platform-admin',
		body: BODY,
		responses: { 200: DIRECTORY, 201: DIRECTORY },
		async handle(context) {
			const directory = wantedOf(context.params.directory, context.body);
			requireFit(directory);
			const answer = await store.asPlatform(reasonOf(context), (tx) =>
				makeChange(tx, context, async () => {
					await lockPlatform(tx);
					const before = await directoryById(tx, directory.id);
					if (before !== undefined) requireApiManaged(before);
					requireMatch(context.precondition, before);
					requireOperatorForSecrets(context.caller, { before, after: directory });
					if (before !== undefined && issuerOf(before) !== issuerOf(directory)) requireUnused(before, context);
					await requireRoom(tx, directory, context.snapshot);
					return before === undefined ? make(tx, directory) : replace(tx, directory, before);
				}),
			);
			await refresh();
			return answer;
		},
	});

type Put = Promise<Made<PutAnswer<z.output<typeof DIRECTORY>>>>;

async function make(tx: PlatformTx, directory: Wanted): Put {
	const { id } = directory;
	await insertDirectory(tx, { ...directory, managedBy: 'api' });
	const body = show(found(await directoryById(tx, id)));
	const location = `/platform/directories/${id}`;
	return { answer: { status: 201, location, body }, action: 'directory.create', object: id };
}

async function replace(tx: PlatformTx, directory: Wanted, before: DirectoryRow): Put {
	const { id } = directory;
	await versioned(updateDirectory(tx, { ...before, ...directory }));
	const body = show(found(await directoryById(tx, id)));
	const fields = changedFields(before, { ...before, ...directory });
	return { answer: { status: 200, body }, action: 'directory.update', object: id, fields };
}

const remove = ({ store, refresh }: ResourceParts): Route =>
	defineRoute({
		id: 'deleteDirectory',
		method: 'DELETE',
		path: PATH,
		summary: "Removes a directory that is nobody's any more",
		authorize: 'platform-admin',
		responses: { 204: null },
		async handle(context) {
			const answer = await store.asPlatform(reasonOf(context), (tx) =>
				makeChange(tx, context, async () => {
					await lockPlatform(tx);
					const row = changeable(await directoryById(tx, context.params.directory), context);
					requireUnused(row, context);
					await versioned(deleteDirectory(tx, row.id, row.version));
					return { answer: { status: 204 as const }, action: 'directory.delete', object: row.id };
				}),
			);
			await refresh();
			return answer;
		},
	});

function wantedOf(id: string, { issuer, tenantId, audiences, jwksUrl, ...settings }: z.output<typeof BODY>): Wanted {
	return { id, issuer, tenantId, audiences, jwksUrl, settings };
}

/** Holds a directory to the rules of the configuration file. Throws PC_INPUT_INVALID. */
function requireFit({ id, issuer, tenantId, jwksUrl, ...rest }: Wanted): void {
	const texts = { issuer: escaped(issuer), tenantId: escaped(tenantId), jwksUrl: escaped(jwksUrl) };
	const reading = readEntry(directorySchema(createLenientLookup()), directoryFileOf(id, { ...rest, ...texts }));
	if ('entry' in reading) return;
	throw inputInvalid(reading.faults.map(({ path, message }) => ({ path: `body.${path}`, message })));
}

type Wanted = DeclaredDirectory & { readonly id: string };

const issuerOf = ({ issuer, tenantId }: DeclaredDirectory): string => fillTid(issuer, tenantId);

/** Every `iss` that means the directory. */
function issuersOf({ issuer, tenantId, settings }: DeclaredDirectory): readonly string[] {
	const { v1Issuer } = settings;
	return [issuer, v1Issuer].flatMap((each) => (typeof each === 'string' ? [fillTid(each, tenantId)] : []));
}

/**
 * Throws PC_CONFLICT where another directory has the issuer, and PC_INPUT_INVALID where grants name no directory: beside a
 * second one they would be nobody's, and who is asking might be the first to be locked out.
 */
async function requireRoom(
	tx: PlatformTx,
	wanted: Wanted,
	{ grantRules }: Pick<Snapshot, 'grantRules'>,
): Promise<void> {
	const others = (await listDirectories(tx)).filter(({ id }) => id !== wanted.id);
	const taken = new Set(others.flatMap(issuersOf));
	const own = issuersOf(wanted);
	if (own.some((issuer) => taken.has(issuer)) || new Set(own).size < own.length)
		throw new PortcullisError('PC_CONFLICT');
	const unclear = grantRules.filter(({ directory }) => directory === undefined);
	if (others.length === 0 || unclear.length === 0) return;
	const where = [...new Set(unclear.map(({ workspace }) => workspace))].slice(0, 5).join(', ');
	throw inputInvalid([{ path: 'body', message: `name the directory in the grants of ${where} first` }]);
}

// Grants of a directory that is gone, or another, would be those of whatever has its id next.
function requireUnused(
	{ id, ...directory }: DirectoryRow,
	{ caller, snapshot }: { readonly caller: Caller; readonly snapshot: Snapshot },
): void {
	const issuer = issuerOf(directory);
	const isOwn = caller.principal?.issuer === issuer;
	const isNamed = snapshot.grantRules.some((rule) => rule.directory === id);
	const hasMembers = [...snapshot.memberships.keys()].some((key) => (JSON.parse(key) as string[])[0] === issuer);
	if (isOwn || isNamed || hasMembers) throw new PortcullisError('PC_CONFLICT', { detail: 'the directory is in use' });
}

function show({ id, issuer, tenantId, audiences, jwksUrl, settings, managedBy, version }: DirectoryRow) {
	const told: z.output<typeof SETTINGS> = settings;
	return { id, issuer, tenantId, audiences: [...audiences], jwksUrl, ...told, managedBy, version };
}
