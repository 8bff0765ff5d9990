import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConfigInput, startGateway, type TestGateway } from './gateway.ts';
import { type Caller, createCaller, type Era } from './tenancy-caller.ts';
import { makeSecret } from './tenancy-canary.ts';
import { type Build, startUpstream, type Upstream } from './tenancy-upstream.ts';
import type { GivenKey } from './with-keys.ts';

/** Somebody who signs in: the name is also the `oid`. */
export interface Person {
	readonly name: string;
	readonly groups: readonly string[];
	/** Comes with this API key instead of a token. */
	readonly key?: string;
}

/** A grant as the configuration file has it. */
export interface GrantEntry {
	readonly group: string;
	readonly workspace: string;
	readonly access: string;
}

/** A company to start: builds by workspace and server, and who may use them. */
export interface CompanyPlan {
	readonly servers: Readonly<Record<string, Readonly<Record<string, Build>>>>;
	readonly grants: readonly GrantEntry[];
	/** Members of every server's entry, in every configuration. */
	readonly common?: object;
	/** More members for a server's entry: `tools`, `isolation`, … */
	readonly entryOf?: (place: { readonly workspace: string; readonly slug: string }) => object;
	/** More members for a workspace's entry, in every configuration: `toolsets`, … */
	readonly workspaceOf?: (workspace: string) => object;
	/** Every tool waits at random up to so long, milliseconds. */
	readonly jitterMs?: number;
	/** API keys that the gateway is to know. */
	readonly keys?: readonly GivenKey[];
}

/** Fixture servers in several workspaces, and the configuration that puts a gateway before them. */
export interface Servers {
	readonly upstreams: readonly Upstream[];
	/** Credential by workspace. */
	readonly secrets: Readonly<Record<string, string>>;
	upstream(workspace: string, slug: string): Upstream;
	/** The configuration, with these members of each server's entry instead of those of the plan. */
	config(entryOf?: CompanyPlan['entryOf']): ConfigInput;
	/** Servers that have seen a marker (`MARK-…`), as `workspace/server`. */
	sightings(marker: string): readonly string[];
	close(): Promise<void>;
}

/** Fixture servers with a gateway in this process before them. */
export interface Company extends Servers {
	readonly gateway: TestGateway;
	/** A new chat of a person. */
	caller(person: Person, era: Era, headers?: Readonly<Record<string, string>>): Caller;
}

/** Starts all servers of a plan. */
export async function startServers(plan: CompanyPlan): Promise<Servers> {
	const folder = mkdtempSync(join(tmpdir(), 'portcullis-company-'));
	const secrets = Object.fromEntries(Object.keys(plan.servers).map((name) => [name, makeSecret(name)]));
	const upstreams = await Promise.all(
		Object.entries(plan.servers).flatMap(([workspace, servers]) =>
			Object.entries(servers).map(([slug, build]) => {
				const secret = { variable: variableOf(workspace), value: secrets[workspace]! };
				return startUpstream({ workspace, slug, build, secret, folder, jitterMs: plan.jitterMs });
			}),
		),
	);
	return {
		upstreams,
		secrets,
		config: (entryOf = plan.entryOf) => configOf(upstreams, plan, entryOf),
		upstream: (workspace, slug) =>
			upstreams.find((each) => each.workspace === workspace && each.slug === slug) as Upstream,
		sightings: createSightings(upstreams),
		async close() {
			await Promise.all(upstreams.map((each) => each.close()));
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

/** Starts all servers of a plan and a gateway before them. */
export async function startCompany(plan: CompanyPlan): Promise<Company> {
	const servers = await startServers(plan);
	const started = startGateway(servers.config(), environmentOf(servers.secrets), { keys: plan.keys ?? [] });
	const gateway = await started.catch(async (error: unknown) => {
		await servers.close();
		throw error;
	});
	return {
		...servers,
		gateway,
		caller(person, era, headers) {
			const token = person.key ?? gateway.tokenFor(person.groups, { oid: person.name });
			return createCaller({ url: gateway.url, token, era, ...(headers && { headers }) });
		},
		async close() {
			await gateway.close();
			await servers.close();
		},
	};
}

/** Variable of the gateway's environment that holds a workspace's credential. */
export function variableOf(workspace: string): string {
	return `KEY_OF_${workspace.replaceAll('-', '_').toUpperCase()}`;
}

/** The environment that holds these credentials. */
export function environmentOf(secrets: Company['secrets']): Record<string, string> {
	return Object.fromEntries(Object.entries(secrets).map(([workspace, secret]) => [variableOf(workspace), secret]));
}

function configOf(
	upstreams: readonly Upstream[],
	{ grants, common, workspaceOf = () => ({}) }: CompanyPlan,
	entryOf: CompanyPlan['entryOf'] = () => ({}),
): ConfigInput {
	const workspaces: Record<string, { servers: Record<string, object> }> = {};
	for (const { workspace, slug, entry } of upstreams) {
		workspaces[workspace] ??= { ...workspaceOf(workspace), servers: {} };
		workspaces[workspace].servers[slug] = { ...entry, ...common, ...entryOf({ workspace, slug }) };
	}
	return { workspaces, grants };
}

const MARKER = /MARK-[0-9a-z-]+/g;

function createSightings(upstreams: readonly Upstream[]): Company['sightings'] {
	const known = new Map<string, Set<string>>();
	return (marker) => {
		for (const upstream of upstreams) {
			for (const [found] of upstream.news().matchAll(MARKER)) {
				known.set(found, (known.get(found) ?? new Set()).add(`${upstream.workspace}/${upstream.slug}`));
			}
		}
		return [...(known.get(marker) ?? [])];
	};
}
