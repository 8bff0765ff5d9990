import { type BuiltSettings, buildDirectory, buildSettings } from '../config/build-snapshot.ts';
import { buildWorkspace } from '../config/build-workspace.ts';
import type { JsonObject } from '../config/declared.ts';
import { directoryFileOf, serverFileOf } from '../config/declared-file.ts';
import { directorySchema } from '../config/directory-schema.ts';
import { type ServerEntry, serverSchema, settingsSchema, type WorkspaceEntry } from '../config/file-schema.ts';
import type { HeldMembership } from '../config/memberships.ts';
import { openApiSchema } from '../config/open-api.ts';
import { buildInstance, linkKey, openWebUiSchema } from '../config/open-webui.ts';
import { rateLimitsSchema } from '../config/rate-limits.ts';
import { readEntry } from '../config/read-entry.ts';
import { createLenientLookup, type SecretLookup } from '../config/secret-template.ts';
import type {
	ApiKey,
	Directory,
	GrantRule,
	GraphAccess,
	LinkedPerson,
	OpenWebUiTrust,
	SignInAccess,
	Snapshot,
	Workspace,
} from '../config/snapshot.ts';
import type { ConfiguredKey } from './queries/api-key.ts';
import type { DirectoryRow, PlatformGrantRow, SettingsRow } from './queries/platform.ts';
import type { WorkspaceConfig } from './queries/workspace-config.ts';

/** What a snapshot takes from one workspace. */
export interface BuiltWorkspace {
	readonly workspace: Workspace;
	readonly grantRules: readonly GrantRule[];
	readonly memberships: readonly HeldMembership[];
	readonly apiKeys: readonly ApiKey[];
	/** By `linkKey`. */
	readonly openWebUiLinks: readonly (readonly [string, LinkedPerson])[];
	/** What cannot be used here, and why, for the log: `server jira: environment variable JIRA_KEY is not set`. */
	readonly faults: readonly string[];
}

/** What a snapshot takes from the platform. */
export interface BuiltPlatform {
	readonly directories: readonly Directory[];
	readonly grantRules: readonly GrantRule[];
	readonly settings: BuiltSettings;
	readonly faults: readonly string[];
}

/** What the building of a workspace takes from outside it. */
export interface BuildContext {
	readonly readServer: ServerReader;
	readonly platform: BuiltPlatform;
}

/** A server as it can be used here, or as much of it as can be shown and why it cannot be used. */
export interface ServerReading {
	readonly entry?: ServerEntry;
	readonly fault?: string;
}

/** Reads a server as the file writes it. */
export type ServerReader = (written: object) => ServerReading;

/** Reads servers with one schema for all of them: to make one costs more than to use it a hundred times. */
export function createServerReader(lookup: SecretLookup): ServerReader {
	const schema = serverSchema(lookup);
	const lenient = serverSchema(createLenientLookup());
	return (written) => {
		const reading = readEntry(schema, written);
		if ('entry' in reading) return { entry: reading.entry };
		const fault = reading.faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
		// Without its secrets it can still be shown and explained.
		const shown = readEntry(lenient, written);
		return 'entry' in shown ? { entry: shown.entry, fault } : { fault };
	};
}

/** What the platform's part of a snapshot is made of. */
export interface StoredPlatform {
	readonly settings: SettingsRow;
	readonly directories: readonly DirectoryRow[];
	readonly grants: readonly PlatformGrantRow[];
}

/** The platform's part of a snapshot; references to secrets are looked up in this process. */
export function buildPlatform(stored: StoredPlatform, lookup: SecretLookup): BuiltPlatform {
	const read = stored.directories.map((row) => readDirectory(row, lookup));
	const directories = read.flatMap(({ directory }) => directory ?? []);
	const { openWebUi: written = {}, ...plain } = stored.settings.settings;
	const reading = readEntry(settingsSchema(), plain);
	const { openWebUi, faults: unusable } = readInstances(written as JsonObject, lookup);
	const { rules, faults: unclear } = rulesOf('*', stored.grants, directories);
	const faults = [...unclear, ...unusable, ...read.flatMap((each) => each.fault ?? [])];
	if ('entry' in reading) {
		return { directories, grantRules: rules, settings: { ...buildSettings(reading.entry), openWebUi }, faults };
	}
	// Settings that cannot be read must not open anything: the defaults are the narrowest.
	const fallback = settingsSchema().parse({});
	const told = reading.faults.map(({ path, message }) => `settings ${path}: ${message}`);
	return {
		directories,
		grantRules: rules,
		settings: { ...buildSettings(fallback), openWebUi },
		faults: [...faults, ...told],
	};
}

// One whose secret cannot be found here is not there, and takes nothing else with it.
function readInstances(
	written: JsonObject,
	lookup: SecretLookup,
): { readonly openWebUi: Snapshot['openWebUi']; readonly faults: readonly string[] } {
	const schema = openWebUiSchema(lookup);
	const readings = Object.entries(written).map(([id, entry]) => [id, readEntry(schema, entry)] as const);
	const found = readings.flatMap(([id, reading]) =>
		'entry' in reading ? [[id, buildInstance(id, reading.entry)] as const] : [],
	);
	const faults = readings.flatMap(([id, reading]) =>
		'faults' in reading ? reading.faults.map(({ path, message }) => `openWebUi ${id} ${path}: ${message}`) : [],
	);
	return { openWebUi: new Map(found), faults };
}

/**
 * A directory whose secret cannot be found here is there without it: people are known by their tokens, and only those
 * whose groups have to be looked up are refused. One that cannot be read at all is nobody's.
 */
function readDirectory(
	{ id, managedBy: _, version: __, ...declared }: DirectoryRow,
	lookup: SecretLookup,
): { readonly directory?: Directory; readonly fault?: string } {
	const written = directoryFileOf(id, declared);
	const reading = readEntry(directorySchema(lookup), written);
	if ('entry' in reading) return { directory: buildDirectory(reading.entry) };
	const fault = `directory ${id}: ${reading.faults.map(({ path, message }) => `${path}: ${message}`).join('; ')}`;
	const shown = readEntry(directorySchema(createLenientLookup()), written);
	if (!('entry' in shown)) return { fault };
	const directory = buildDirectory(shown.entry);
	const { graph, signIn } = directory;
	const clients = { ...(graph && { graph: withoutSecret(graph) }), ...(signIn && { signIn: withoutSecret(signIn) }) };
	return { directory: { ...directory, ...clients }, fault };
}

const withoutSecret = <T extends GraphAccess | SignInAccess>(client: T): T => ({ ...client, clientSecret: undefined });

/** One workspace's part of a snapshot. A server that cannot be used here is there, with what is wrong, and reached by nobody. */
export function buildStored(config: WorkspaceConfig, { readServer, platform }: BuildContext): BuiltWorkspace {
	const { workspaceId, slug, declared } = config;
	const servers: Record<string, ServerEntry> = {};
	const serverFaults = new Map<string, string>();
	for (const [name, server] of Object.entries(declared.servers)) {
		const { entry, fault } = readServer(serverFileOf(server));
		if (entry !== undefined) servers[name] = entry;
		if (fault !== undefined) serverFaults.set(name, fault);
	}
	const { rules, faults } = rulesOf(slug, declared.grants, platform.directories);
	const toolsets = Object.entries(declared.toolsets).map(([name, { title, tools }]): [string, ToolsetEntry] => {
		return [name, { ...(title !== null && { title }), tools: [...tools] }];
	});
	const { rate } = platform.settings;
	const reading = readEntry(rateLimitsSchema(), declared.rateLimits);
	// Limits that cannot be read leave those that hold for all.
	const rateLimits = 'entry' in reading ? reading.entry : {};
	const limitFaults =
		'entry' in reading ? [] : reading.faults.map(({ path, message }) => `rateLimits ${path}: ${message}`);
	const openApi = readEntry(openApiSchema(), declared.openApi);
	const audit = declared.auditMode === 'best-effort' ? ('best-effort' as const) : ('strict' as const);
	return {
		workspace: buildWorkspace({
			id: workspaceId,
			slug,
			entry: {
				...{ title: declared.title, audit, rateLimits, servers, toolsets: Object.fromEntries(toolsets) },
				openApi: 'entry' in openApi ? openApi.entry : {},
			},
			rate,
			defaults: platform.settings.defaults,
			faults: serverFaults,
		}),
		grantRules: rules,
		memberships: declared.members.map(({ issuer, tid, oid, name, level }) => {
			return { holder: { issuer, tid, oid }, workspace: slug, level, name };
		}),
		apiKeys: config.apiKeys.map((key) => keyOf(config, key)),
		openWebUiLinks: config.openWebUiLinks.map(({ instance, subject, email, ...person }) => {
			const known = subject === null ? (['email', email ?? ''] as const) : (['subject', subject] as const);
			return [linkKey(workspaceId, instance, known), person] as const;
		}),
		faults: [...faults, ...limitFaults, ...[...serverFaults].map(([name, fault]) => `server ${name}: ${fault}`)],
	};
}

function keyOf({ workspaceId, slug }: WorkspaceConfig, key: ConfiguredKey): ApiKey {
	const { id, digest, kind, name, level, issuer, tid, oid, servers, networks, settings, expiresAt } = key;
	return {
		...{ id, digest, kind, name, level, workspaceId, workspace: slug },
		owner: issuer === null || tid === null || oid === null ? undefined : { issuer, tid, oid },
		servers: servers ?? undefined,
		networks: networks ?? undefined,
		expiresAt: expiresAt ?? undefined,
		openWebUi: kind === 'open-webui' ? (settings as unknown as OpenWebUiTrust) : undefined,
	};
}

type ToolsetEntry = WorkspaceEntry['toolsets'][string];

interface Granted {
	readonly directory: string | null;
	readonly claim: 'group' | 'role';
	readonly value: string;
	readonly level: GrantRule['level'];
}

// A rule that names no directory was written while there was one; beside a second it could mean either, so it means none.
function rulesOf(
	workspace: string,
	grants: readonly Granted[],
	directories: readonly Directory[],
): { readonly rules: readonly GrantRule[]; readonly faults: readonly string[] } {
	const isUnclear = ({ directory }: Granted): boolean => directory === null && directories.length > 1;
	const rules = grants
		.filter((grant) => !isUnclear(grant))
		.map(({ directory, claim, value, level }): GrantRule => {
			const name = `${workspace}: ${claim} ${value}`;
			return { name, directory: directory ?? undefined, match: { claim, value }, workspace, level };
		});
	const faults = grants.filter(isUnclear).map(({ claim, value }) => `grant for ${claim} ${value}: names no directory`);
	return { rules, faults };
}
