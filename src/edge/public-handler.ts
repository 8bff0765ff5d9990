import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { SnapshotSource } from '../config/snapshot.ts';
import { API_SURFACE, corsHeaders, MCP_SURFACE, preflightHeaders } from './cors.ts';
import { isMetadataTarget, sendMetadata } from './protected-resource.ts';

/** What answers the requests of one part of the gateway. */
export interface Plane {
	handle(request: IncomingMessage, response: ServerResponse): unknown;
}

/** What the public listener leads to. */
export interface PublicPlanes {
	/** All MCP addresses. */
	readonly data: Plane;
	/** `/api` and everything below. */
	readonly admin: Plane;
	/** The pages where people connect their accounts. */
	readonly connect: Plane & { owns(target: string): boolean };
	/** The OpenAPI facade and `/tools`. */
	readonly openApi: Plane & { owns(target: string): boolean };
}

/** The handler of the public listener: metadata and preflights by themselves, everything else to its plane. */
export function createPublicHandler(planes: PublicPlanes, snapshots: SnapshotSource): RequestListener {
	return (request, response) => {
		const target = request.url ?? '';
		if (request.method === 'GET' && isMetadataTarget(target)) {
			return sendMetadata(request, response, snapshots.current());
		}
		// No page of another origin may read or send anything there, whatever it may do elsewhere.
		if (planes.connect.owns(target)) return void planes.connect.handle(request, response);
		const isApi = isApiTarget(target);
		// Only preflights are looked at here: everything else belongs to its plane from its first byte.
		const cors = request.method === 'OPTIONS' ? corsHeaders(request.headers.origin, snapshots.current().names) : {};
		if (cors['access-control-allow-origin'] === undefined) {
			return void planeOf(planes, target, isApi).handle(request, response);
		}
		const asked = request.headers['access-control-request-headers'];
		const allowed = preflightHeaders(asked, isApi ? API_SURFACE : MCP_SURFACE);
		response.writeHead(204, { ...cors, ...allowed }).end();
	};
}

function planeOf(planes: PublicPlanes, target: string, isApi: boolean): Plane {
	if (isApi) return planes.admin;
	return planes.openApi.owns(target) ? planes.openApi : planes.data;
}

/** Whether a request target, as sent, is the management API's. */
function isApiTarget(target: string): boolean {
	return target.startsWith('/api') && /^\/api(?:[/?]|$)/.test(target);
}
