import { BRIDGE_REQUIREMENTS } from './requirements-bridge.ts';
import { CATALOGUE_REQUIREMENTS } from './requirements-catalogue.ts';
import { CONNECT_REQUIREMENTS } from './requirements-connect.ts';
import { DEPLOY_REQUIREMENTS } from './requirements-deploy.ts';
import { DIRECTORY_REQUIREMENTS } from './requirements-directories.ts';
import { EDGE_REQUIREMENTS } from './requirements-edge.ts';
import { KEY_REQUIREMENTS } from './requirements-keys.ts';
import { LIMIT_REQUIREMENTS } from './requirements-limits.ts';
import { OPENAPI_REQUIREMENTS } from './requirements-openapi.ts';
import { PATH_REQUIREMENTS } from './requirements-path.ts';
import { RUNNING_REQUIREMENTS } from './requirements-running.ts';
import { SECRET_STORE_REQUIREMENTS } from './requirements-secret-stores.ts';
import { SERVER_REQUIREMENTS } from './requirements-servers.ts';
import { STORE_REQUIREMENTS } from './requirements-store.ts';

/** Something we promise, where the promise comes from, and the tests that fail when it is broken. */
export interface Requirement {
	/** Never changes and is never used again. */
	readonly id: string;
	readonly promise: string;
	/** A section of ARCHITECTURE.md, a page of docs/, or a specification. */
	readonly source: string;
	readonly proofs: readonly Proof[];
}

/** A test file, and part of a test's name with the groups it stands in, joined by ` > `. */
export type Proof = readonly [file: string, test: string];

/** Everything we promise. A promise without a test, or with a test that is not there, fails requirements.test.ts. */
export const REQUIREMENTS: readonly Requirement[] = [
	...PATH_REQUIREMENTS,
	...SERVER_REQUIREMENTS,
	...RUNNING_REQUIREMENTS,
	...STORE_REQUIREMENTS,
	...DEPLOY_REQUIREMENTS,
	...KEY_REQUIREMENTS,
	...LIMIT_REQUIREMENTS,
	...EDGE_REQUIREMENTS,
	...DIRECTORY_REQUIREMENTS,
	...BRIDGE_REQUIREMENTS,
	...CATALOGUE_REQUIREMENTS,
	...OPENAPI_REQUIREMENTS,
	...SECRET_STORE_REQUIREMENTS,
	...CONNECT_REQUIREMENTS,
];
