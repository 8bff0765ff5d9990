import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { PublicNames, Snapshot } from '../config/snapshot.ts';
import { resourceMetadata } from '../identity/resource-metadata.ts';
import { checkNames, readHeaders } from './check-headers.ts';
import { doorOf, parseAddress } from './parse-address.ts';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** Whether the target is a protected-resource metadata document (RFC 9728 §3.1). */
export function isMetadataTarget(target: string): boolean {
	return target.startsWith(WELL_KNOWN);
}

/**
 * Where the metadata of the requested address stands: the well-known path before the address's own (RFC 9728 §3.1). The
 * messages of HTTP+SSE belong to the address of their stream, which is the one that a client knows.
 */
export function metadataUrl(request: IncomingMessage, names: PublicNames): string {
	const path = (request.url ?? '/').split('?', 1)[0] as string;
	const resource = doorOf(path) === 'messages' ? path.replace(/messages\/?$/, 'sse') : path;
	return originOf(request, names) + WELL_KNOWN + resource;
}

/** Where the management API begins; for sign-in it is one resource, whatever is asked of it. */
export const API_ROOT = '/api/v1';

/** Where the metadata of the management API stands. */
export function apiMetadataUrl(request: IncomingMessage, names: PublicNames): string {
	return originOf(request, names) + WELL_KNOWN + API_ROOT;
}

/** Where the metadata of the origin stands, for addresses that are not of MCP. */
export function originMetadataUrl(request: IncomingMessage, names: PublicNames): string {
	return originOf(request, names) + WELL_KNOWN;
}

/** Origin under which callers know the gateway: as configured, or else as the request names it. */
export function originOf(request: IncomingMessage, names: PublicNames): string {
	const scheme = request.socket instanceof TLSSocket ? 'https' : 'http';
	return names.url ?? `${scheme}://${request.headers.host ?? 'localhost'}`;
}

/**
 * Answers with the document of an address. It is public and the same for every well-formed address, so it tells nobody
 * which workspaces exist. The bare well-known address describes the origin (RFC 9728 §3.1: a slash after the host is no
 * path), which clients take as holding for every address below it.
 */
export function sendMetadata(request: IncomingMessage, response: ServerResponse, snapshot: Snapshot): void {
	const sent = ((request.url ?? '').split('?', 1)[0] as string).slice(WELL_KNOWN.length);
	const path = sent === '/' ? '' : sent;
	try {
		checkNames(readHeaders(request.rawHeaders), snapshot.names);
		if (path !== '' && path !== API_ROOT) parseAddress(path, doorOf(path) === 'sse' ? 'sse' : 'mcp');
	} catch {
		response.writeHead(404).end();
		return;
	}
	const resource = originOf(request, snapshot.names) + path;
	const document = resourceMetadata({ resource, directories: snapshot.directories, name: 'Portcullis' });
	const headers = {
		'content-type': 'application/json',
		'access-control-allow-origin': '*',
		'cache-control': 'max-age=300',
	};
	response.writeHead(200, headers).end(JSON.stringify(document));
}
