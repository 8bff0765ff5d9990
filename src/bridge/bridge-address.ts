import { BRIDGE_WORKSPACE } from '../config/bridge-snapshot.ts';
import { VIEWER_FOLDER } from '../openapi/viewer.ts';

/** Where a bridge has its servers. */
export interface BridgeLayout {
	/** `single`: the one server stands at the root, as with mcpo; otherwise each below its name. */
	readonly kind: 'single' | 'named';
	/** What all of it stands below, with a slash at either end. */
	readonly prefix: string;
	/** What a proxy in front takes away: it is said in documents, and no part of an address here. */
	readonly rootPath: string;
}

/** What a request target of a bridge names. */
export type BridgeTarget =
	/** The list of servers, or its page. */
	| { readonly kind: 'root' }
	/** An address of the gateway; `isOpen`: mcpo shows it to everybody unless it is strict. */
	| { readonly kind: 'openapi' | 'mcp'; readonly target: string; readonly isOpen: boolean };

/** A request as far as its address goes. */
export interface BridgeRequest {
	readonly method: string;
	/** As it was sent. */
	readonly target: string;
}

const GATEWAY = `/w/${BRIDGE_WORKSPACE}`;
const OPEN: ReadonlyMap<string, string> = new Map([
	['openapi.json', 'openapi.json'],
	['docs', 'docs'],
	['redoc', 'docs'],
]);

/** What a request to a bridge is about, in terms of the gateway; `undefined`: there is nothing at that address. */
export function findBridgeTarget(
	request: BridgeRequest,
	layout: BridgeLayout,
	slugs: ReadonlyMap<string, string>,
): BridgeTarget | undefined {
	const path = pathOf(request.target);
	const file = new RegExp(`/${VIEWER_FOLDER}/([^/]+)$`).exec(path)?.[1];
	if (file !== undefined) return { kind: 'openapi', target: `/${VIEWER_FOLDER}/${file}`, isOpen: true };
	const { method } = request;
	if (layout.kind === 'single') return targetOf([...slugs.values()][0], path.slice(1).split('/'), method);
	return atRoot(path, layout.prefix, method) ?? belowName(path, { layout, slugs, method });
}

/** Where callers find a server. */
export function pathOfServer(layout: BridgeLayout, name: string): string {
	return layout.kind === 'single'
		? layout.rootPath
		: layout.rootPath + layout.prefix + name.split('/').map(encodeURIComponent).join('/');
}

function pathOf(target: string): string {
	const path = target.split('?', 1)[0] as string;
	return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

// mcpo has its list at the root, whatever the prefix; below the prefix it is found as well.
function atRoot(path: string, prefix: string, method: string): BridgeTarget | undefined {
	const word = ['/', prefix].filter((start) => path.startsWith(start)).map((start) => path.slice(start.length));
	if (word.includes('mcp')) return { kind: 'mcp', target: `${GATEWAY}/mcp`, isOpen: false };
	const open = word.map((each) => OPEN.get(each)).find((each) => each !== undefined);
	if (open === undefined || !isRead(method)) return undefined;
	return open === 'openapi.json' ? { kind: 'root' } : { kind: 'openapi', target: `${GATEWAY}/docs`, isOpen: true };
}

interface Named {
	readonly layout: BridgeLayout;
	readonly slugs: ReadonlyMap<string, string>;
	readonly method: string;
}

const isRead = (method: string): boolean => method === 'GET' || method === 'HEAD';

// Names may hold slashes, and so may tools: the longest name that there is counts.
function belowName(path: string, { layout, slugs, method }: Named): BridgeTarget | undefined {
	if (!path.startsWith(layout.prefix)) return undefined;
	const parts = path.slice(layout.prefix.length).split('/');
	for (let length = parts.length - 1; length > 0; length--) {
		const name = decode(parts.slice(0, length));
		const slug = name === undefined ? undefined : slugs.get(name);
		if (slug !== undefined) return targetOf(slug, parts.slice(length), method);
	}
	return undefined;
}

function targetOf(slug: string | undefined, parts: readonly string[], method: string): BridgeTarget | undefined {
	const base = `${GATEWAY}/s/${slug}`;
	const [word = '', ...more] = parts;
	const open = more.length === 0 && (isRead(method) || word !== 'redoc') ? OPEN.get(word) : undefined;
	if (slug === undefined || word === '') return undefined;
	if (open !== undefined) return { kind: 'openapi', target: `${base}/${open}`, isOpen: true };
	if (word === 'mcp' && more.length === 0) return { kind: 'mcp', target: `${base}/mcp`, isOpen: false };
	const tool = decode(parts);
	// What is no POST is refused for that, before anybody is asked who they are.
	return tool === undefined
		? undefined
		: { kind: 'openapi', target: `${base}/${encodeURIComponent(tool)}`, isOpen: method !== 'POST' };
}

function decode(parts: readonly string[]): string | undefined {
	try {
		return parts.map(decodeURIComponent).join('/');
	} catch {
		return undefined;
	}
}
