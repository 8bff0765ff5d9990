import { mkdir, realpath } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import * as z from 'zod';
import { signInOf } from '../catalogue/endpoint-needs.ts';
import type { Endpoint } from '../catalogue/endpoint-schema.ts';
import type { SignIn } from '../catalogue/field-schema.ts';
import { pickEndpoint } from '../catalogue/pick-endpoint.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { SLUG } from '../lib/slug.ts';
import { catalogueProgram } from '../runtime/catalogue-program.ts';
import { catalogueServer } from '../runtime/catalogue-server.ts';
import { insertServer, serverBySlug } from '../store/queries/server.ts';
import type { Caller } from './caller.ts';
import { changeWorkspace, workspaceIdOf } from './change.ts';
import { inputInvalid } from './input-invalid.ts';
import { found } from './managed.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';
import { ENTRY, readServer, valuesOf } from './server-entry.ts';
import { SERVER, showServer } from './servers.ts';

const BODY = z.strictObject({
	slug: z.string().regex(SLUG).exactOptional().describe('The id of the service, unless it is said.'),
	title: ENTRY.title.exactOptional().describe('The name of the service, unless it is said.'),
	endpoint: z.string().max(64).exactOptional().describe('Key of the endpoint, or http or stdio; else the best one.'),
	signIn: z.string().max(64).exactOptional().describe('Kind of sign-in; else the recommended one.'),
	secrets: z
		.array(z.string().max(64))
		.max(32)
		.exactOptional()
		.describe('Optional secrets that will be given, by name.'),
	variables: z
		.record(z.string().max(64), z.string().max(2_048))
		.exactOptional()
		.describe('Values that are no secrets.'),
	isolation: ENTRY.isolation.exactOptional(),
});

type Body = z.output<typeof BODY>;

const PATH = '/workspaces/:workspace/catalogue/:service';

/** Servers that are made of the catalogue: the only way to a program for anybody but the operator. */
export function createCatalogueServersRoutes(parts: ResourceParts): readonly Route[] {
	return [addService(parts)];
}

const addService = (parts: ResourceParts): Route =>
	defineRoute({
		id: 'addService',
		method: 'POST',
		path: PATH,
		summary: 'Adds a service of the catalogue as a server; its secrets follow as its credential',
		authorize: { workspace: 'admin' },
		body: BODY,
		responses: { 201: SERVER },
		idempotency: 'creation',
		async handle(context) {
			const { workspace, service } = context.params;
			const { entry, endpoint, signIn } = chosen(parts, service, context.body);
			const { slug = service, title = entry.name, isolation } = context.body;
			const place = { folder: parts.programs?.files, workspaceId: workspaceIdOf(context) };
			const variables = await placed(endpoint, context, place);
			const made = catalogueServer(endpoint, { values: variables, signIn, secrets: context.body.secrets ?? [] });
			if ('faults' in made) {
				const told = made.faults.map(({ variable, message }) => ({ path: `body.variables.${variable}`, message }));
				throw inputInvalid(told);
			}
			requireInstalled(parts, endpoint, context.caller);
			const written = { ...made.entry, title, ...(isolation !== undefined && { isolation }) };
			return changeWorkspace(parts, context, async (tx) => {
				await insertServer(tx, valuesOf(slug, readServer(written), { catalogueId: service }));
				const body = showServer(parts, workspace, found(await serverBySlug(tx, slug)));
				const location = `/workspaces/${workspace}/servers/${slug}`;
				return { answer: { status: 201 as const, location, body }, action: 'server.create', object: slug };
			});
		},
	});

function chosen({ catalogue }: ResourceParts, service: string, body: Body) {
	const entry = catalogue.entry(service);
	if (entry === undefined) throw new PortcullisError('PC_NOT_FOUND');
	const pick = pickEndpoint(entry, body.endpoint);
	if ('reason' in pick) {
		throw inputInvalid([{ path: 'body.endpoint', message: `is none to use; there are ${pick.keys.join(', ')}` }]);
	}
	const { endpoint } = pick;
	const signIn: SignIn | undefined = body.signIn === undefined ? endpoint.signIn[0] : signInOf(endpoint, body.signIn);
	if (signIn !== undefined) return { entry, endpoint, signIn };
	const kinds = endpoint.signIn.map(({ kind }) => kind).join(', ');
	throw inputInvalid([{ path: 'body.signIn', message: `is none of ${kinds}` }]);
}

// What may run here the operator says, by installing it: nobody else brings a program to this machine.
function requireInstalled({ programs }: ResourceParts, endpoint: Endpoint, { kind }: Caller): void {
	if (endpoint.transport !== 'stdio' || kind === 'operator') return;
	if (programs?.runtime.isInstalled(catalogueProgram(endpoint)) !== true)
		throw new PortcullisError('PC_RUNTIME_MISSING');
}

interface Asked {
	readonly caller: Caller;
	readonly body: Body;
}

interface Files {
	readonly folder: string | undefined;
	readonly workspaceId: string;
}

/** The values with paths as they are meant: an administrator names a path below the folder of the workspace, and no other. */
async function placed(
	endpoint: Endpoint,
	{ caller, body }: Asked,
	files: Files,
): Promise<Readonly<Record<string, string>>> {
	const values = body.variables ?? {};
	const paths = (endpoint.variables ?? []).filter(({ kind, name }) => {
		return (kind === 'file' || kind === 'folder') && Object.hasOwn(values, name);
	});
	if (paths.length === 0 || caller.kind === 'operator') return values;
	if (files.folder === undefined) throw new PortcullisError('PC_OPERATOR_ONLY');
	const root = join(resolve(files.folder), files.workspaceId);
	await mkdir(root, { recursive: true, mode: 0o700 });
	const within = await Promise.all(
		paths.map(
			async ({ name, kind }) => [name, await pathIn(root, { name, kind, value: values[name] as string })] as const,
		),
	);
	return { ...values, ...Object.fromEntries(within) };
}

interface Named {
	readonly name: string;
	readonly kind: string;
	readonly value: string;
}

async function pathIn(root: string, { name, kind, value }: Named): Promise<string> {
	const full = resolve(root, value);
	const folder = kind === 'folder' ? full : dirname(full);
	const isBelow = (path: string, top: string): boolean => path === top || path.startsWith(top + sep);
	const refused = inputInvalid([
		{ path: `body.variables.${name}`, message: 'must be a path below the folder of the workspace' },
	]);
	if (!isBelow(full, root) || !isBelow(folder, root) || value.includes('\0')) throw refused;
	await mkdir(folder, { recursive: true, mode: 0o700 }).catch(() => Promise.reject(refused));
	// A link that leads out is as good as a path that does.
	const really = await realpath(full).catch(() => realpath(folder));
	if (!isBelow(really, await realpath(root))) throw refused;
	return full;
}
