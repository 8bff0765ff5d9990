import { PortcullisError } from '../errors/portcullis-error.ts';
import { isSlug } from '../lib/slug.ts';
import type { Address } from '../mcp/address.ts';
import { VIEWER_FOLDER } from './viewer.ts';

/** What a request target of this facade names. */
export type OpenApiTarget =
	| { readonly kind: 'document' | 'docs'; readonly address: Address }
	/** A file of the viewer. */
	| { readonly kind: 'file'; readonly name: string }
	/** A tool by the name it has at the address. */
	| { readonly kind: 'tool'; readonly address: Address; readonly name: string }
	/** The caller's tools as a plain list. */
	| { readonly kind: 'tools' }
	/** A tool of a workspace by the name that the list gives it. */
	| { readonly kind: 'execute'; readonly workspace: string; readonly name: string };

const DOCUMENTS: ReadonlyMap<string, 'document' | 'docs'> = new Map([
	['openapi.json', 'document'],
	['docs', 'docs'],
]);

/** Parts of an address by its first one; what is longer or shorter is no address of this facade. */
const LENGTHS: ReadonlyMap<string, readonly number[]> = new Map([
	['w', [4, 6]],
	['tools', [2, 5]],
	[VIEWER_FOLDER, [3]],
]);

const DOORS: ReadonlySet<string> = new Set(['mcp', 'sse', 'messages']);

/** Whether a request target, as sent, belongs to this facade and to nothing else. */
export function isOpenApiTarget(target: string): boolean {
	const parts = partsOf(target);
	const last = parts.at(-1) ?? '';
	if (DOORS.has(last)) return false;
	const lengths = LENGTHS.get(parts[1] ?? '');
	if (lengths !== undefined) return lengths.includes(parts.length);
	return parts.length === 2 && (DOCUMENTS.has(last) || /^[^_]+__[^_]+__/.test(last));
}

/**
 * What a request target names. Names of workspaces and servers are compared as sent; the name of a tool, which may hold
 * anything, is percent-decoded once. Both slash forms are the same. Throws PC_ADDRESS_UNKNOWN.
 */
export function parseOpenApiTarget(target: string): OpenApiTarget {
	const [, first = '', ...rest] = partsOf(target);
	if (first === 'tools') return toolsTarget(rest);
	if (first === VIEWER_FOLDER) return { kind: 'file', name: rest.join('/') };
	const last = rest.at(-1) ?? first;
	const address = addressOf(first === last && rest.length === 0 ? [] : [first, ...rest.slice(0, -1)]);
	const kind = DOCUMENTS.get(last);
	return kind === undefined ? { kind: 'tool', address, name: nameOf(last) } : { kind, address };
}

function partsOf(target: string): readonly string[] {
	const path = target.split('?', 1)[0] as string;
	return (path.endsWith('/') ? path.slice(0, -1) : path).split('/');
}

function unknown(): PortcullisError {
	return new PortcullisError('PC_ADDRESS_UNKNOWN');
}

function addressOf(parts: readonly string[]): Address {
	const [w, workspace = '', kind, slug = '', ...more] = parts;
	if (w === undefined) return { kind: 'all' };
	if (w !== 'w' || !isSlug(workspace) || more.length > 0) throw unknown();
	if (kind === undefined) return { kind: 'workspace', workspace };
	if (!isSlug(slug)) throw unknown();
	if (kind === 's') return { kind: 'server', workspace, server: slug };
	if (kind === 't') return { kind: 'toolset', workspace, toolset: slug };
	throw unknown();
}

function toolsTarget([workspace, name, verb, ...more]: readonly string[]): OpenApiTarget {
	if (workspace === undefined) return { kind: 'tools' };
	if (!isSlug(workspace) || name === undefined || verb !== 'execute' || more.length > 0) throw unknown();
	return { kind: 'execute', workspace, name: nameOf(name) };
}

function nameOf(part: string): string {
	try {
		const name = decodeURIComponent(part);
		if (name !== '') return name;
	} catch {}
	throw unknown();
}
