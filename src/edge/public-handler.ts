import type { RequestListener } from 'node:http';
import type { SnapshotSource } from '../config/snapshot.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import type { DataPlane } from './data-plane.ts';
import { isMetadataTarget, sendMetadata } from './protected-resource.ts';

/** The handler of the public listener: metadata and preflights by themselves, everything else to the data plane. */
export function createPublicHandler(dataPlane: DataPlane, snapshots: SnapshotSource): RequestListener {
	return (request, response) => {
		if (request.method === 'GET' && isMetadataTarget(request.url ?? '')) {
			return sendMetadata(request, response, snapshots.current());
		}
		// Only preflights are looked at here: everything else belongs to the pipeline from its first byte.
		const cors = request.method === 'OPTIONS' ? corsHeaders(request.headers.origin, snapshots.current().names) : {};
		if (cors['access-control-allow-origin'] === undefined) return void dataPlane.handle(request, response);
		response.writeHead(204, { ...cors, ...preflightHeaders(request.headers['access-control-request-headers']) }).end();
	};
}
