import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import type { Presented } from '../identity/presented.ts';
import { type AdminPlane, type AdminPlaneParts, createAdminPlane } from './admin-plane.ts';
import type { Caller } from './caller.ts';
import type { ResourceParts } from './resource-parts.ts';
import { createRoutes } from './routes.ts';
import { STORED_ANSWERS } from './stored-answers.ts';

type CallerOf = (presented: Presented) => Caller | Promise<Caller>;
type Shared = Pick<AdminPlaneParts, 'snapshots' | 'openTrail' | 'isDraining' | 'isStale'>;

/** The management API for whoever is asked to tell callers; without a store there is little to manage. */
export function createAdmin(shared: Shared, managed: ResourceParts | undefined): (callerOf: CallerOf) => AdminPlane {
	const routes = createRoutes(managed);
	const idempotency = managed && STORED_ANSWERS;
	return (callerOf) => createAdminPlane({ ...shared, routes, idempotency, callerOf });
}

/**
 * Who asks over the network: whoever the identity stage finds, never the operator. Throws PC_KEY_REFUSED for keys of Open
 * WebUI, which carry other people's calls and nothing else.
 */
export function createCallerOf({ authenticate }: Pick<Authenticator, 'authenticate'>): CallerOf {
	return async (presented) => {
		const principal = await authenticate(presented);
		if (principal.apiKeyKind === 'open-webui') throw new PortcullisError('PC_KEY_REFUSED');
		return { kind: 'principal', principal };
	};
}
