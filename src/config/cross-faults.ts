import { nearestName } from '../lib/nearest-name.ts';
import type { Path } from './read-yaml.ts';

/** A fault between parts of the file that are each fine alone. */
export interface CrossFault {
	readonly path: Path;
	readonly message: string;
}

type Entries = Readonly<Record<string, unknown>>;

/** Whether a value is a map of the file. */
export function isRecord(value: unknown): value is Entries {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Compares what is there, whatever else is wrong with the file: a part that cannot be read is passed over. */
export function crossFaults(file: unknown): CrossFault[] {
	if (!isRecord(file)) return [];
	const directories = Array.isArray(file['directories']) ? file['directories'] : [];
	const grants = Array.isArray(file['grants']) ? file['grants'] : [];
	return [
		...repeated(directories, 'id', idOf, 'another directory has this id'),
		...repeated(directories, 'issuer', issuerOf, 'another directory has this issuer'),
		...v1IssuerFaults(directories),
		...grants.flatMap((grant, index) => {
			return isRecord(grant) ? grantFaults(grant, ['grants', index], file) : [];
		}),
		...entriesOf(file['workspaces']).flatMap(([slug, workspace]) => {
			return memberFaults(workspace, ['workspaces', slug, 'members'], file['directories']);
		}),
	];
}

/** The same for one workspace alone. */
export function workspaceFaults(workspace: unknown): CrossFault[] {
	if (!isRecord(workspace)) return [];
	return entriesOf(workspace['toolsets']).flatMap(([slug, toolset]) => {
		return toolFaults(listOf(toolset, 'tools'), ['toolsets', slug, 'tools'], workspace['servers']);
	});
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
	return isRecord(value) ? Object.entries(value) : [];
}

function listOf(value: unknown, member: string): readonly unknown[] {
	const list = isRecord(value) ? value[member] : undefined;
	return Array.isArray(list) ? list : [];
}

function toolFaults(tools: readonly unknown[], path: Path, servers: unknown): CrossFault[] {
	const known = isRecord(servers) ? Object.keys(servers) : [];
	return tools.flatMap((tool, index) => {
		const message = toolFault(tool, known) ?? (tools.indexOf(tool) < index ? 'this tool is given twice' : undefined);
		return message === undefined ? [] : [{ path: [...path, index], message }];
	});
}

// A text of another form has a fault of its own already.
function toolFault(tool: unknown, servers: readonly string[]): string | undefined {
	const server = typeof tool === 'string' ? /^([^/]+)\/./.exec(tool)?.[1] : undefined;
	if (server === undefined || servers.includes(server)) return undefined;
	return `there is no such server${suggestion(server, servers)}`;
}

function memberFaults(workspace: unknown, path: Path, directories: unknown): CrossFault[] {
	const members = listOf(workspace, 'members').map((member) => (isRecord(member) ? member : {}));
	const sole = Array.isArray(directories) && isRecord(directories[0]) ? directories[0]['id'] : undefined;
	const seen = new Set<string>();
	return members.flatMap(({ oid, directory }, index) => {
		const person = JSON.stringify([oid, directory ?? sole]);
		const isKnown = typeof oid === 'string' && seen.has(person);
		seen.add(person);
		return saidOf([
			{ path: [...path, index, 'oid'], message: isKnown ? 'another member is the same person' : undefined },
			{ path: [...path, index, 'directory'], message: directoryFault(directory, directories) },
		]);
	});
}

function saidOf(faults: readonly { readonly path: Path; readonly message: string | undefined }[]): CrossFault[] {
	return faults.flatMap(({ path, message }) => (message === undefined ? [] : [{ path, message }]));
}

/** An address of a directory with its Entra tenant in place of `{tid}`. */
export function fillTid(address: string, tenantId: string): string {
	return address.replaceAll('{tid}', tenantId);
}

function idOf({ id }: Entries): unknown {
	return id;
}

function issuerOf({ issuer, tenantId }: Entries): unknown {
	return typeof issuer === 'string' && typeof tenantId === 'string' ? fillTid(issuer, tenantId) : issuer;
}

/** A token of version 1 must not be of two directories, nor of one that takes it for a version 2 one. */
function v1IssuerFaults(entries: readonly unknown[]): CrossFault[] {
	const issuers = entries.map((entry) => (isRecord(entry) ? issuerOf(entry) : undefined));
	const v1Issuers = entries.map((entry) => (isRecord(entry) ? v1IssuerOf(entry) : undefined));
	return v1Issuers.flatMap((v1Issuer, index) => {
		const isTaken = issuers.includes(v1Issuer) || v1Issuers.indexOf(v1Issuer) < index;
		if (typeof v1Issuer !== 'string' || !isTaken) return [];
		return [{ path: ['directories', index, 'v1Issuer'], message: 'a directory has this issuer' }];
	});
}

function v1IssuerOf({ v1Issuer, tenantId }: Entries): unknown {
	return issuerOf({ issuer: v1Issuer, tenantId });
}

function repeated(
	entries: readonly unknown[],
	key: string,
	read: (entry: Entries) => unknown,
	message: string,
): CrossFault[] {
	const values = entries.map((entry) => (isRecord(entry) ? read(entry) : undefined));
	return values.flatMap((value, index) => {
		return typeof value === 'string' && values.indexOf(value) < index
			? [{ path: ['directories', index, key], message }]
			: [];
	});
}

function grantFaults(grant: Entries, path: Path, file: Entries): CrossFault[] {
	return saidOf([
		{ path, message: subjectFault(grant) },
		{ path: [...path, 'workspace'], message: workspaceFault(grant['workspace'], file['workspaces']) },
		{ path: [...path, 'directory'], message: directoryFault(grant['directory'], file['directories']) },
	]);
}

function subjectFault({ group, role }: Entries): string | undefined {
	return (group === undefined) === (role === undefined) ? 'name either a group or a role' : undefined;
}

function workspaceFault(workspace: unknown, workspaces: unknown): string | undefined {
	if (typeof workspace !== 'string' || workspace === '*' || !isRecord(workspaces)) return undefined;
	return Object.hasOwn(workspaces, workspace)
		? undefined
		: `there is no such workspace${suggestion(workspace, Object.keys(workspaces))}`;
}

function directoryFault(directory: unknown, directories: unknown): string | undefined {
	if (!Array.isArray(directories)) return undefined;
	if (directory === undefined) {
		return directories.length > 1 ? 'name the directory, since more than one is configured' : undefined;
	}
	const ids = directories.map((entry: unknown) => (isRecord(entry) ? entry['id'] : undefined));
	if (typeof directory !== 'string' || ids.includes(directory)) return undefined;
	return `there is no such directory${suggestion(
		directory,
		ids.filter((id) => typeof id === 'string'),
	)}`;
}

function suggestion(name: string, known: readonly string[]): string {
	const nearest = nearestName(name, known);
	return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}
