import type { BridgeParts } from './bridge/bridge-parts.ts';
import { type ConnectAround, createConnect } from './connect/create-connect.ts';
import { derivedKey } from './credentials/derived-key.ts';
import { createDataPlane, type DataPlane } from './edge/data-plane.ts';
import { createPublicHandler, type Plane } from './edge/public-handler.ts';
import type { DataPlaneParts } from './edge/visitor.ts';
import type { Authenticator } from './identity/authenticate.ts';
import { createOpenApiPlane, type OpenApiPlaneParts } from './openapi/openapi-plane.ts';

/** What everything that answers callers has in common. */
export interface PublicPlanesParts
	extends Omit<DataPlaneParts, 'renew'>,
		Pick<OpenApiPlaneParts, 'infoOf'>,
		Pick<ConnectAround, 'connections' | 'clientDocument'> {
	readonly authenticator: Authenticator;
	readonly admin: Plane;
	/** Set in a bridge, which answers nothing but its own addresses. */
	readonly bridge: BridgeParts | undefined;
}

/** Assembles what answers at the public listeners. */
export function createPublicPlanes({ authenticator, admin, bridge, ...shared }: PublicPlanesParts) {
	const { snapshots, stages } = shared;
	const data: DataPlane = createDataPlane({ ...shared, renew: authenticator.renew });
	const openApi = createOpenApiPlane({ ...shared, showing: bridge?.showing });
	const people = { ...authenticator, openTrail: stages.openTrail, deriveKey: derivedKey };
	const connect = createConnect({ ...shared, ...people });
	return {
		handler: bridge?.front({ data, openApi }) ?? createPublicHandler({ data, admin, openApi, connect }, snapshots),
		/** Ends the streams that would never end by themselves. */
		endStreams: data.endStreams,
	};
}
