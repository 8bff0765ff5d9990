import type { AsPlatform } from './as-platform.ts';
import { createAsPlatform } from './as-platform.ts';
import { createPool, endPool, type PgConnection } from './connection.ts';
import type { WithWorkspace } from './with-workspace.ts';
import { createWithWorkspace } from './with-workspace.ts';

/** The connections of a gateway. The owner's is not among them: only migrations use that. */
export interface StoreConnections {
	/** A login that is, or is a member of, `portcullis_app`. */
	readonly app: PgConnection;
	/** A login that is, or is a member of, `portcullis_platform`. */
	readonly platform: PgConnection;
}

/** What a store is made with. */
export interface StoreParts {
	readonly connections: StoreConnections;
	/** Most connections for the work of workspaces. */
	readonly poolSize?: number;
	readonly onLost?: (error: Error) => void;
}

/** The database: the only two ways to it. */
export interface Store {
	readonly withWorkspace: WithWorkspace;
	readonly asPlatform: AsPlatform;
	close(): Promise<void>;
}

const POOL_SIZE = 8;
const PLATFORM_POOL_SIZE = 3;

/** Opens no connection yet: the first transaction does. */
export function createStore({ connections, poolSize = POOL_SIZE, onLost }: StoreParts): Store {
	const told = onLost === undefined ? {} : { onLost };
	const app = createPool({ connection: connections.app, size: poolSize, ...told });
	const platform = createPool({ connection: connections.platform, size: PLATFORM_POOL_SIZE, ...told });
	return {
		withWorkspace: createWithWorkspace(app),
		asPlatform: createAsPlatform(platform),
		async close() {
			await Promise.all([endPool(app), endPool(platform)]);
		},
	};
}
