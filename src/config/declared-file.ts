import { fillTid } from './cross-faults.ts';
import type {
	Declared,
	DeclaredDirectory,
	DeclaredGrant,
	DeclaredMember,
	DeclaredRule,
	DeclaredServer,
	DeclaredToolset,
	DeclaredWorkspace,
	JsonObject,
} from './declared.ts';
import { readPlainText, escapePlainText as written } from './secret-template.ts';
import type { AccessLevel } from './snapshot.ts';

/** Members of a server in the file that have a place of their own; the rest says how to reach it. */
const SERVER_MEMBERS = ['title', 'enabled', 'era', 'isolation', 'clientFeatures', 'tools', 'limits', 'transport'];

const SETTINGS = ['publicUrl', 'hosts', 'origins', 'limits', 'openWebUi'];

/** A validated file, as JSON without its secrets looked up, as what it declares. */
export function declaredOf(file: JsonObject): Declared {
	const directories = entriesOf(file['directories'] as readonly JsonObject[] | undefined, 'id', readDirectory);
	const grants = listOf(file['grants']);
	const workspaces = Object.entries(objectOf(file['workspaces'])).map(([slug, entry]) => {
		const own = grants.filter(({ workspace }) => workspace === slug).map(readGrant);
		return [slug, readWorkspace(slug, entry as JsonObject, { grants: own, directories })] as const;
	});
	return {
		platform: {
			settings: pick(file, SETTINGS),
			directories,
			grants: grants.filter(({ workspace }) => workspace === '*').map(readGrant),
		},
		workspaces: Object.fromEntries(workspaces),
	};
}

/** The way back: the configuration file that declares this. */
export function fileOf({ platform, workspaces }: Declared): JsonObject {
	const grants = [
		...platform.grants.map((grant) => writeGrant(grant, '*')),
		...Object.entries(workspaces).flatMap(([slug, { grants }]) => grants.map((grant) => writeGrant(grant, slug))),
	];
	return {
		...platform.settings,
		directories: Object.entries(platform.directories).map(([id, directory]) => directoryFileOf(id, directory)),
		workspaces: mapValues(workspaces, (workspace) => workspaceFileOf(workspace, platform.directories)),
		grants,
	};
}

/** One directory as the file writes it. */
export function directoryFileOf(id: string, { settings, audiences, ...directory }: DeclaredDirectory): JsonObject {
	return { id, ...directory, audiences: audiences.map(written), ...settings };
}

/** One workspace as the file writes it, without its grants, which stand elsewhere in the file. */
export function workspaceFileOf(
	{ title, auditMode, rateLimits, openApi, servers, toolsets, members }: DeclaredWorkspace,
	directories: Readonly<Record<string, DeclaredDirectory>>,
): JsonObject {
	return {
		title: written(title),
		...(auditMode !== 'strict' && { audit: auditMode }),
		...(Object.keys(rateLimits).length > 0 && { rateLimits }),
		...(Object.keys(openApi).length > 0 && { openApi }),
		servers: mapValues(servers, serverFileOf),
		...(Object.keys(toolsets).length > 0 && { toolsets: mapValues(toolsets, writeToolset) }),
		...(members.length > 0 && { members: members.map((member) => writeMember(member, directories)) }),
	};
}

/** One server as the file writes it; what is as it would be anyway is left out. */
export function serverFileOf(server: DeclaredServer): JsonObject {
	const { title, transport, endpoint, era, isolation, clientFeatures, limits, toolsDefault, enabled, rules } = server;
	const tools = {
		...(toolsDefault !== 'enabled' && { default: toolsDefault }),
		...(Object.keys(rules).length > 0 && { rules: mapValues(rules, writeRule) }),
	};
	return {
		...(title !== null && { title: written(title) }),
		transport,
		...endpoint,
		...(era !== 'auto' && { era }),
		...(isolation !== 'shared' && { isolation }),
		...(clientFeatures !== null && { clientFeatures }),
		...(Object.keys(limits).length > 0 && { limits }),
		...(!enabled && { enabled }),
		...(Object.keys(tools).length > 0 && { tools }),
	};
}

function writeRule({ enabled, minimumLevel, readable, description, definitionDigest }: DeclaredRule): JsonObject {
	return {
		...(enabled !== null && { enabled }),
		...(minimumLevel !== 'read' && { minimumLevel }),
		...(readable && { readable }),
		...(description !== null && { description: written(description) }),
		...(definitionDigest !== null && { definitionDigest }),
	};
}

function writeToolset({ title, tools }: DeclaredToolset): JsonObject {
	return { ...(title !== null && { title: written(title) }), tools };
}

function writeGrant({ directory, claim, value, level }: DeclaredGrant, workspace: string): JsonObject {
	return { [claim]: written(value), workspace, access: level, ...(directory !== null && { directory }) };
}

function writeMember(
	{ issuer, tid, oid, name, level }: DeclaredMember,
	directories: Readonly<Record<string, DeclaredDirectory>>,
): JsonObject {
	const own = Object.entries(directories).find(([, directory]) => isOf(directory, { issuer, tid }));
	return {
		oid: written(oid),
		access: level,
		...(own && { directory: own[0] }),
		...(name !== '' && { name: written(name) }),
	};
}

function isOf(directory: DeclaredDirectory, person: Pick<DeclaredMember, 'issuer' | 'tid'>): boolean {
	return fillTid(directory.issuer, directory.tenantId) === person.issuer && directory.tenantId === person.tid;
}

interface Around {
	readonly grants: readonly DeclaredGrant[];
	readonly directories: Readonly<Record<string, DeclaredDirectory>>;
}

function readWorkspace(slug: string, entry: JsonObject, { grants, directories }: Around): DeclaredWorkspace {
	return {
		title: textOf(entry['title']) ?? slug,
		auditMode: (entry['audit'] as string | undefined) ?? 'strict',
		rateLimits: objectOf(entry['rateLimits']),
		openApi: objectOf(entry['openApi']),
		servers: mapValues(objectOf(entry['servers']), (server) => declaredServerOf(server as JsonObject)),
		toolsets: mapValues(objectOf(entry['toolsets']), (toolset) => readToolset(toolset as JsonObject)),
		grants,
		members: listOf(entry['members']).map((member) => readMember(member, directories)),
	};
}

/** A validated server of the file as what it declares. */
export function declaredServerOf(entry: JsonObject): DeclaredServer {
	const tools = objectOf(entry['tools']);
	const endpoint = Object.fromEntries(Object.entries(entry).filter(([name]) => !SERVER_MEMBERS.includes(name)));
	return {
		title: textOf(entry['title']) ?? null,
		transport: entry['transport'] as string,
		endpoint,
		era: (entry['era'] as string | undefined) ?? 'auto',
		isolation: (entry['isolation'] as string | undefined) ?? 'shared',
		clientFeatures: (entry['clientFeatures'] as readonly string[] | undefined) ?? null,
		limits: objectOf(entry['limits']),
		toolsDefault: (tools['default'] as string | undefined) ?? 'enabled',
		enabled: (entry['enabled'] as boolean | undefined) ?? true,
		rules: mapValues(objectOf(tools['rules']), (rule) => readRule(rule as JsonObject)),
	};
}

function readRule(rule: JsonObject): DeclaredRule {
	return {
		enabled: (rule['enabled'] as boolean | undefined) ?? null,
		minimumLevel: (rule['minimumLevel'] as AccessLevel | undefined) ?? 'read',
		readable: (rule['readable'] as boolean | undefined) ?? false,
		description: textOf(rule['description']) ?? null,
		definitionDigest: (rule['definitionDigest'] as string | undefined) ?? null,
	};
}

/** Text that holds no reference, as it is meant: the file writes a literal `${` as `$${`. */
function textOf(value: unknown): string | undefined {
	return typeof value === 'string' ? (readPlainText(value) ?? value) : undefined;
}

function readToolset(entry: JsonObject): DeclaredToolset {
	const tools = (entry['tools'] as readonly string[] | undefined) ?? [];
	return { title: textOf(entry['title']) ?? null, tools: [...new Set(tools)].sort() };
}

function readGrant(grant: JsonObject): DeclaredGrant {
	const claim = grant['group'] === undefined ? 'role' : 'group';
	return {
		directory: (grant['directory'] as string | undefined) ?? null,
		claim,
		value: textOf(grant[claim]) ?? '',
		level: grant['access'] as AccessLevel,
	};
}

function readMember(member: JsonObject, directories: Readonly<Record<string, DeclaredDirectory>>): DeclaredMember {
	// The file's own check has seen to it that the directory is named where there are several.
	const id = (member['directory'] as string | undefined) ?? Object.keys(directories)[0] ?? '';
	const directory = directories[id];
	return {
		issuer: directory === undefined ? '' : fillTid(directory.issuer, directory.tenantId),
		tid: directory?.tenantId ?? '',
		oid: textOf(member['oid']) ?? '',
		name: textOf(member['name']) ?? '',
		level: member['access'] as AccessLevel,
	};
}

function readDirectory({ id: _, issuer, tenantId, audiences, jwksUrl, ...settings }: JsonObject): DeclaredDirectory {
	return {
		issuer: textOf(issuer) ?? '',
		tenantId: textOf(tenantId) ?? '',
		audiences: (audiences as readonly string[]).map((audience) => textOf(audience) ?? ''),
		jwksUrl: textOf(jwksUrl) ?? '',
		settings,
	};
}

function entriesOf<T>(
	list: readonly JsonObject[] | undefined,
	key: string,
	read: (entry: JsonObject) => T,
): Readonly<Record<string, T>> {
	return Object.fromEntries((list ?? []).map((entry) => [entry[key] as string, read(entry)]));
}

function mapValues<In, Out>(
	entries: Readonly<Record<string, In>>,
	fn: (value: In) => Out,
): Readonly<Record<string, Out>> {
	return Object.fromEntries(Object.entries(entries).map(([name, value]) => [name, fn(value)]));
}

function objectOf(value: unknown): JsonObject {
	return (value ?? {}) as JsonObject;
}

function listOf(value: unknown): readonly JsonObject[] {
	return (value ?? []) as readonly JsonObject[];
}

function pick(from: JsonObject, names: readonly string[]): JsonObject {
	return Object.fromEntries(names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]));
}
