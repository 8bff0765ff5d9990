import { nearestName } from '../lib/nearest-name.ts';
import type { Endpoint } from './endpoint-schema.ts';
import type { CatalogueEntry } from './entry-schema.ts';
import type { Variable } from './field-schema.ts';
import { piecesOf } from './template.ts';

/** What a name, an address or a package leads to. */
export type Found =
	| {
			readonly kind: 'entry';
			readonly entry: CatalogueEntry;
			/** The endpoint that was meant, when an address or a package was given. */
			readonly endpoint?: Endpoint;
			/** What is to be said before anything else: what is dead or wrong about the name, and what to use instead. */
			readonly note?: string;
	  }
	| { readonly kind: 'several'; readonly entries: readonly CatalogueEntry[] }
	| { readonly kind: 'none'; readonly nearest: string | undefined };

/**
 * The service that somebody means by its id, its name, one of its other names, an address of it, or a package, with or
 * without a version. Dead and wrong names lead to what to use instead, with a sentence.
 */
export function findEntry(entries: readonly CatalogueEntry[], text: string): Found {
	const wanted = normal(text);
	return (
		byId(entries, wanted) ??
		byAlias(entries, wanted) ??
		byEndpoint(entries, (endpoint) => isAddressOf(endpoint, wanted), wanted) ??
		byEndpoint(entries, (endpoint) => isPackageOf(endpoint, wanted), wanted) ??
		byName(entries, wanted) ?? { kind: 'none', nearest: nearestName(wanted, namesOf(entries)) }
	);
}

function byId(entries: readonly CatalogueEntry[], wanted: string): Found | undefined {
	const entry = entries.find(({ id }) => id === wanted);
	return entry && { kind: 'entry', entry };
}

function byAlias(entries: readonly CatalogueEntry[], wanted: string): Found | undefined {
	for (const entry of entries) {
		const alias = entry.aliases?.find(({ name }) => matchesTemplate(name, wanted));
		if (alias !== undefined) return { kind: 'entry', entry, ...(alias.note !== undefined && { note: alias.note }) };
	}
	return undefined;
}

function byName(entries: readonly CatalogueEntry[], wanted: string): Found | undefined {
	const named = entries.filter(({ name }) => name.toLowerCase() === wanted);
	const found = named.length > 0 ? named : entries.filter(({ vendor }) => vendor.toLowerCase() === wanted);
	return oneOrSeveral(found);
}

function byEndpoint(
	entries: readonly CatalogueEntry[],
	isMeant: (endpoint: Endpoint) => boolean,
	wanted: string,
): Found | undefined {
	const owners = entries.filter(({ endpoints }) => endpoints.some(isMeant));
	const [entry] = owners;
	if (entry === undefined || owners.length > 1) return oneOrSeveral(owners);
	const meant = entry.endpoints.filter(isMeant);
	const endpoint = meant.find(({ deprecated }) => deprecated === undefined) ?? meant[0];
	const note = endpoint && noteOf(entry, endpoint, wanted);
	return { kind: 'entry', entry, ...(endpoint && { endpoint }), ...(note !== undefined && { note }) };
}

function oneOrSeveral(entries: readonly CatalogueEntry[]): Found | undefined {
	const [entry] = entries;
	if (entry === undefined) return undefined;
	return entries.length === 1 ? { kind: 'entry', entry } : { kind: 'several', entries };
}

/** What is to be said of an endpoint that is named by its address or package. */
function noteOf(entry: CatalogueEntry, endpoint: Endpoint, wanted: string): string | undefined {
	if (endpoint.deprecated !== undefined) {
		const { why, use } = endpoint.deprecated;
		const next = entry.endpoints.find(({ key }) => key === use);
		return next === undefined ? why : `${why} Use ${placeOf(next)} instead.`;
	}
	const asked = versionIn(wanted);
	const known = endpoint.transport === 'stdio' ? endpoint.version : undefined;
	if (asked === undefined || known === undefined || asked === known) return undefined;
	return `The catalogue knows version ${known}, not ${asked}; no other is run.`;
}

/** Where an endpoint is, in one word: its address, its package with the version, or its program. */
export function placeOf(endpoint: Endpoint): string {
	if (endpoint.transport !== 'stdio') return endpoint.url;
	const { package: name, version, program = '' } = endpoint;
	return name === undefined ? program : version === undefined ? name : `${name}@${version}`;
}

function isAddressOf(endpoint: Endpoint, wanted: string): boolean {
	return endpoint.transport !== 'stdio' && matchesTemplate(endpoint.url, wanted, endpoint.variables);
}

function isPackageOf(endpoint: Endpoint, wanted: string): boolean {
	if (endpoint.transport !== 'stdio') return false;
	const { package: name, program } = endpoint;
	return (name ?? program)?.toLowerCase() === withoutVersion(wanted);
}

/** Whether a text is a name with its variables filled in as they may be, or as they stand. */
function matchesTemplate(template: string, wanted: string, variables: readonly Variable[] = []): boolean {
	const plain = normal(template);
	if (plain === wanted) return true;
	if (!plain.includes('{')) return false;
	const patterns = [...piecesOf(plain)].map((piece) =>
		'text' in piece ? literal(piece.text) : valuesOf(variables.find(({ name }) => name === piece.variable)),
	);
	return new RegExp(`^${patterns.join('')}$`).test(wanted);
}

function valuesOf(variable: Variable | undefined): string {
	if (variable?.choices !== undefined) return `(?:${variable.choices.map(literal).join('|')})`;
	return variable?.kind === 'path-parts' ? '[^?#]+' : '[^/?#]+';
}

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Lower case, without spaces around and slashes behind, and an address without its parameters. */
function normal(text: string): string {
	const lower = text.trim().toLowerCase();
	const address = /^https?:/.test(lower) ? lower.replace(/[?#].*$/, '') : lower;
	return address.replace(/\/+$/, '');
}

const VERSION = /(?<=.)@([^@/]+)$/;

const versionIn = (name: string): string | undefined => VERSION.exec(name)?.[1];

const withoutVersion = (name: string): string => name.replace(VERSION, '');

function namesOf(entries: readonly CatalogueEntry[]): readonly string[] {
	return entries.flatMap(({ id, name, aliases = [] }) => [
		id,
		name,
		...aliases.filter(({ note }) => note === undefined).map((alias) => alias.name),
	]);
}
