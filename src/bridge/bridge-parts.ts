import type { Plane } from '../edge/public-handler.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import type { Showing } from '../openapi/visit.ts';

/** What stands in the place of the gateway's identities and addresses in a bridge. */
export interface BridgeParts {
	readonly authenticator: Authenticator;
	readonly showing: Showing;
	/** Builds the handler of the public listener over what answers behind it. */
	front(planes: { readonly data: Plane; readonly openApi: Plane }): Plane['handle'];
}
