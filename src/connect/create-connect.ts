import type { Connections } from '../credentials/oauth/connections.ts';
import { type ConnectPlane, type ConnectPlaneParts, createConnectPlane } from './connect-plane.ts';
import { createConnectLinks } from './links.ts';
import { createSealerOf, type DeriveKey } from './sealers.ts';
import { createSessions } from './sessions.ts';

/** What the pages are assembled from. */
export interface ConnectAround
	extends Omit<ConnectPlaneParts, 'sessions' | 'links' | 'connections' | 'clientDocument'> {
	readonly deriveKey: DeriveKey;
	/** Without them there is nothing to connect. */
	readonly connections?: Connections;
	readonly clientDocument?: ConnectPlaneParts['clientDocument'];
}

/** Assembles the pages where people connect their accounts. */
export function createConnect({ deriveKey, connections = NO_CONNECTIONS, ...parts }: ConnectAround): ConnectPlane {
	const { snapshots } = parts;
	const sealerOf = createSealerOf(deriveKey);
	const sessions = createSessions({ snapshots, sealerOf, now: Date.now });
	const links = createConnectLinks(snapshots, sealerOf);
	return createConnectPlane({ clientDocument: undefined, ...parts, connections, sessions, links });
}

const nothing = (): Promise<never> => Promise.reject(new Error('there are no connections'));

const NO_CONNECTIONS: Connections = {
	list: async () => [],
	...{ begin: nothing, finish: nothing, disconnect: nothing, setValues: nothing },
};
