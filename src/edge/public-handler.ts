import type { RequestListener } from 'node:http';
import type { SnapshotSource } from '../config/snapshot.ts';
import { corsHeaders, PREFLIGHT_HEADERS } from './cors.ts';
import type { DataPlane } from './data-plane.ts';
import { isMetadataTarget, sendMetadata } from './protected-resource.ts';

/** The handler of the public listener: metadata and preflights by themselves, everything else to the data plane. */
export function createPublicHandler(dataPlane: DataPlane, snapshots: SnapshotSource): RequestListener {
	return (request, response) => {
		if (request.method === 'GET' && isMetadataTarget(request.url ?? '')) {
			return sendMetadata(request, response, snapshots.current());
		}
		const cors = corsHeaders(request.headers.origin, snapshots.current().names);
		if (request.method === 'OPTIONS' && cors['access-control-allow-origin'] !== undefined) {
			response.writeHead(204, { ...cors, ...PREFLIGHT_HEADERS }).end();
			return;
		}
		void dataPlane(request, response);
	};
}
