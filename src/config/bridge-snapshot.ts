import { createSecret, type SecretTemplate } from '../lib/secret.ts';
import { CLIENT_FEATURES } from '../mcp/client-features.ts';
import { assembleSnapshot, buildSettings } from './build-snapshot.ts';
import { buildWorkspace, type WorkspaceParts } from './build-workspace.ts';
import type { ClientEndpoint, ClientServer } from './client-config.ts';
import { type ServerEntry, settingsSchema } from './file-schema.ts';
import { HEADER_RULES } from './header-rules.ts';
import { seemsSecret, slugsOf } from './import-client-config.ts';
import { HIGHEST_UPSTREAM_LIMIT } from './limits.ts';
import type { OpenApiSettings, Snapshot, UpstreamLimits } from './snapshot.ts';
import { urlFault } from './text-rules.ts';

/** Slug and id of the one workspace of a bridge. */
export const BRIDGE_WORKSPACE = 'bridge';

/** What the servers of a bridge are built with. */
export interface BridgeParts {
	readonly version: number;
	/** Variables that every program gets besides its own, where they may be secret. */
	readonly env: Readonly<Record<string, string>>;
	/** `strict`: documents and answers lose what mcpo loses. */
	readonly mcpo: OpenApiSettings['mcpo'];
}

/** A snapshot of one workspace, and the slug of each of its servers by the name that the client's file gives it. */
export interface BridgeReading {
	readonly snapshot: Snapshot;
	readonly slugs: ReadonlyMap<string, string>;
}

/**
 * mcpo waits for an answer as long as it takes, and never ends a program that has nothing to do: what it keeps in memory is
 * there at the next call.
 */
const PATIENT: Partial<UpstreamLimits> = {
	connectMs: 10_000,
	firstByteMs: 300_000,
	idleMs: 300_000,
	childIdleMs: HIGHEST_UPSTREAM_LIMIT,
};

/** The servers of a client's file as the one workspace of a bridge. */
export function bridgeSnapshot(servers: readonly ClientServer[], { version, env, mcpo }: BridgeParts): BridgeReading {
	const { limits, names, openWebUi, defaults, rate } = buildSettings(settingsSchema().parse({}));
	const slugs = slugsOf(servers);
	const entries = servers.map((server, index) => [slugs[index] as string, entryOf(server, env)] as const);
	const entry: WorkspaceParts['entry'] = {
		title: 'Bridge',
		audit: 'best-effort',
		rateLimits: {},
		openApi: { mcpo },
		toolsets: {},
		servers: Object.fromEntries(entries),
	};
	const workspace = buildWorkspace({
		...{ id: BRIDGE_WORKSPACE, slug: BRIDGE_WORKSPACE, entry, rate },
		defaults: { ...defaults, ...PATIENT },
	});
	const snapshot = assembleSnapshot({
		...{ version, directories: [], grantRules: [], memberships: new Map(), apiKeys: new Map() },
		...{ openWebUi, openWebUiLinks: new Map(), limits, names },
		workspaces: [workspace],
	});
	return { snapshot, slugs: new Map(servers.map(({ name }, index) => [name, slugs[index] as string])) };
}

/** What of a server cannot be used, in a sentence each that quotes no value. */
export function bridgeFaults({ name, endpoint }: ClientServer): readonly string[] {
	if (endpoint.kind === 'stdio') return [];
	const { url, headers } = endpoint;
	const inUrl = urlFault(url);
	const faults = Object.entries(headers).flatMap(([header, value]) => {
		const fault = HEADER_RULES.nameFault(header) ?? HEADER_RULES.valueFault(value);
		return fault === undefined ? [] : [`'headers' ${header}: ${fault}`];
	});
	return [...(inUrl === undefined ? [] : [`'url': ${inUrl}`]), ...faults].map((fault) => `Server '${name}' ${fault}`);
}

function entryOf({ name, endpoint, disabledTools }: ClientServer, env: BridgeParts['env']): ServerEntry {
	const off = { enabled: false, minimumLevel: 'read', readable: false } as const;
	const rules = Object.fromEntries(disabledTools.map((tool) => [tool, off]));
	const any = {
		title: name,
		enabled: true,
		era: 'auto' as const,
		isolation: 'shared' as const,
		limits: {},
		tools: { default: 'enabled' as const, rules },
	};
	if (endpoint.kind === 'stdio') return { ...any, ...programOf(endpoint, env), clientFeatures: [] };
	const { kind, url, headers } = endpoint;
	const named = Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value] as const);
	return {
		...any,
		...{ transport: kind, url, allowPlainHttp: true, headers: secretly(Object.fromEntries(named)) },
		clientFeatures: [...CLIENT_FEATURES],
	};
}

function programOf(
	{ command, args, cwd, env: own }: ClientEndpoint & { readonly kind: 'stdio' },
	env: BridgeParts['env'],
) {
	return { transport: 'stdio' as const, command, args: [...args], cwd, env: secretly({ ...env, ...own }) };
}

// Each value counts as a secret: what is taken for one shows in no log.
function secretly(values: Readonly<Record<string, string>>): Map<string, SecretTemplate> {
	return new Map(Object.entries(values).map(([name, value]) => [name, [createSecret(value)]]));
}

/** The variables of a process by whether they may be a secret; the bridge's own are neither. */
export function sortVariables(env: NodeJS.ProcessEnv) {
	const given = Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
	const theirs = given.filter(([name]) => !name.startsWith('PORTCULLIS_'));
	const isSecret = ([name, value]: readonly [string, string]): boolean => seemsSecret(name, value);
	return {
		secret: Object.fromEntries(theirs.filter(isSecret)),
		plain: Object.fromEntries(theirs.filter((variable) => !isSecret(variable))),
	};
}
