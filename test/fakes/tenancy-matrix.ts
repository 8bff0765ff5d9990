import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { AccessLevel, ToolRule } from '../../src/config/snapshot.ts';
import type { ListKind } from '../../src/mcp/methods.ts';
import type { Era, Params } from './tenancy-caller.ts';
import type { GrantEntry } from './tenancy-company.ts';
import type { Build } from './tenancy-upstream.ts';
import { type GivenKey, makeGivenKey } from './with-keys.ts';

/** One thing a person may try. */
export interface Operation {
	readonly lists?: ListKind;
	readonly tool?: string;
	readonly prompt?: string;
	readonly resource?: string;
	readonly completes?: string;
	readonly needs: AccessLevel | 'nobody';
	readonly rule?: keyof ToolRule;
}

/** Which of the addresses that a server is behind. */
export type AddressKind = 'server' | 'workspace' | 'toolset' | 'all';

/** test/tenancy/matrix.yaml. */
export interface Matrix {
	readonly levels: readonly AccessLevel[];
	readonly people: Readonly<
		Record<
			string,
			{
				/** Of somebody with a token; the others come with an API key. */
				readonly groups?: readonly string[];
				/** The only servers of a key. */
				readonly servers?: readonly string[];
				readonly holds: Readonly<Record<string, string>>;
			}
		>
	>;
	readonly grants: readonly GrantEntry[];
	readonly servers: Readonly<Record<string, Readonly<Record<string, Build>>>>;
	readonly rules: Readonly<Record<string, Partial<ToolRule>>>;
	readonly operations: Readonly<Record<string, Operation>>;
	/** Tools of the toolset that every workspace has. */
	readonly picked: readonly string[];
	readonly addresses: readonly AddressKind[];
	readonly eras: readonly Era[];
}

/** One row: somebody tries something in one way, and how that must end. */
export interface Row {
	readonly person: string;
	readonly workspace: string;
	readonly server: string;
	readonly operation: string;
	readonly era: Era;
	readonly address: AddressKind;
	/** Whether the person holds anything in the workspace. */
	readonly inside: boolean;
	/** Whether the key they come with, if any, is for this server. */
	readonly within: boolean;
	/** Whether there is somebody who may, at this address. */
	readonly possible: boolean;
	readonly allowed: boolean;
}

/** Reads a matrix. */
export function readMatrix(path: string | URL): Matrix {
	return parse(readFileSync(path, 'utf8')) as Matrix;
}

/** Every row of a matrix. */
export function rowsOf(matrix: Matrix): readonly Row[] {
	const places = Object.entries(matrix.servers).flatMap(([workspace, servers]) =>
		Object.keys(servers).map((server) => ({ workspace, server })),
	);
	const ways = matrix.eras.flatMap((era) => matrix.addresses.map((address) => ({ era, address })));
	return Object.keys(matrix.people).flatMap((person) =>
		places.flatMap((place) =>
			Object.keys(matrix.operations).flatMap((operation) =>
				ways
					.filter(({ address }) => isAsked(matrix.operations[operation]!, address))
					.map((way) => {
						const row = { person, ...place, operation, ...way };
						return { ...row, ...endOf(matrix, row) };
					}),
			),
		),
	);
}

// At a toolset the lists of other things are empty for everybody, which is neither allowed nor refused.
function isAsked({ lists }: Operation, address: AddressKind): boolean {
	return address !== 'toolset' || lists === undefined || lists === 'tools';
}

function endOf(
	{ levels, people, operations, picked }: Matrix,
	{ person, operation, workspace, server, address }: Omit<Row, 'era' | 'inside' | 'within' | 'possible' | 'allowed'>,
): Pick<Row, 'inside' | 'within' | 'possible' | 'allowed'> {
	const held = levels.indexOf(people[person]!.holds[workspace] as AccessLevel);
	const { needs, tool, lists } = operations[operation]!;
	const isThere = address !== 'toolset' || lists === 'tools' || (tool !== undefined && picked.includes(tool));
	const possible = isThere && needs !== 'nobody';
	const within = people[person]!.servers?.includes(server) ?? true;
	const allowed = possible && within && held >= levels.indexOf(needs as AccessLevel);
	return { inside: held >= 0, within, possible, allowed };
}

/** The toolset of a matrix, as every workspace has it. */
export const TOOLSET = 'picked';

/** Members of a workspace's entry that give it the toolset, over these servers. */
export function withToolset(servers: readonly string[], picked: readonly string[]): object {
	const tools = servers.flatMap((server) => picked.map((tool) => `${server}/${tool}`));
	return { toolsets: { [TOOLSET]: { tools } } };
}

/** The API keys of a matrix, by the name of who comes with one: of the only workspace they hold anything in. */
export function keysOf({ people }: Matrix): ReadonlyMap<string, GivenKey> {
	const keyed = Object.entries(people).filter(([, { groups }]) => groups === undefined);
	return new Map(
		keyed.map(([name, { holds, servers }]) => {
			const [[workspace, level], ...others] = Object.entries(holds).filter(([, each]) => each !== 'nothing') as [
				[string, AccessLevel],
			];
			if (others.length > 0) throw new Error(`${name} has a key of several workspaces`);
			return [name, makeGivenKey({ workspace, level, ...(servers && { servers }) })];
		}),
	);
}

/** A row without its person: who can do it stands beside who cannot. */
export function deedOf({ workspace, server, operation, era, address }: Row): string {
	return `${operation} of ${workspace}/${server} (${era}, ${address})`;
}

/** Where a server is looked for: the real place, or one that nobody has. */
export interface Place {
	readonly workspace: string;
	readonly server: string;
	/** Put after the names of tools, prompts and resources; makes them unknown. */
	readonly suffix: string;
}

/** A request to make. */
export interface Deed {
	readonly path: string;
	readonly method: string;
	readonly params: Params;
}

/** The path of an address. */
export function pathAt(address: AddressKind, { workspace, server }: Pick<Place, 'workspace' | 'server'>): string {
	if (address === 'all') return '/mcp';
	if (address === 'toolset') return `/w/${workspace}/t/${TOOLSET}/mcp`;
	return address === 'workspace' ? `/w/${workspace}/mcp` : `/w/${workspace}/s/${server}/mcp`;
}

/** The name of a tool or prompt at an address. */
export function nameAt(address: AddressKind, { workspace, server, suffix }: Place, name: string): string {
	const within = `${server}__`;
	const prefix = { server: '', workspace: within, toolset: within, all: `${workspace}__${server}__` }[address];
	return `${prefix}${name}${suffix}`;
}

const LIST_METHODS: Readonly<Record<ListKind, string>> = {
	tools: 'tools/list',
	prompts: 'prompts/list',
	resources: 'resources/list',
	templates: 'resources/templates/list',
};

/** The request that an operation is, at one address; `marker` shows where it arrives. */
export function deedAt(operation: Operation, address: AddressKind, place: Place, marker: string): Deed {
	const path = pathAt(address, place);
	const _meta = { 'test.example/marker': marker };
	const named = (name: string): string => nameAt(address, place, name);
	if (operation.lists) return { path, method: LIST_METHODS[operation.lists], params: { _meta } };
	if (operation.tool) {
		const params = { name: named(operation.tool), arguments: argumentsOf(operation.tool, marker), _meta };
		return { path, method: 'tools/call', params };
	}
	if (operation.prompt) return { path, method: 'prompts/get', params: { name: named(operation.prompt), _meta } };
	if (operation.resource) {
		return { path, method: 'resources/read', params: { uri: uriAt(address, place, operation.resource), _meta } };
	}
	const ref = { type: 'ref/prompt', name: named(operation.completes!) };
	return { path, method: 'completion/complete', params: { ref, argument: { name: 'a', value: '' }, _meta } };
}

function uriAt(address: AddressKind, { workspace, server, suffix }: Place, uri: string): string {
	if (address === 'server') return uri + suffix;
	return `portcullis://${workspace}/${server}/${encodeURIComponent(uri)}${suffix}`;
}

function argumentsOf(tool: string, marker: string): Params {
	if (tool === 'recall') return { key: marker };
	if (tool === 'remember') return { key: marker, value: marker };
	if (tool === 'add') return { a: 2, b: 3 };
	return tool === 'touch' ? { uri: 'test://static-text' } : { text: marker };
}
