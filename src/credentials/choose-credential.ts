import { secretNames } from '../config/credential-fault.ts';
import { credentialKey } from '../config/credential-key.ts';
import type { KeptCredential, Server, Snapshot } from '../config/snapshot.ts';
import type { Principal } from '../identity/principal.ts';

/** Whose a credential is. */
export type Whose = 'workspace' | 'principal';

/** Which credential a call is made with. */
export type Choice =
	/** What the definition of the server says is all there is. */
	| { readonly kind: 'static' }
	| { readonly kind: 'kept'; readonly whose: Whose; readonly credential: KeptCredential }
	/** There is none that could be used. */
	| { readonly kind: 'missing'; readonly whose: Whose };

type Credentials = Pick<Snapshot, 'credentials'>;

/**
 * Which credential the principal calls the server with. Somebody whose own credential needs attention is not served with
 * the workspace's instead: they would act as somebody else without knowing.
 */
export function chooseCredential({ credentials }: Credentials, principal: Principal, server: Server): Choice {
	const { workspaceId, slug, credential: use } = server;
	if (use === 'none' || !takesSecrets(server)) return STATIC;
	const kept = (key: string | null) => credentials.get(credentialKey({ workspaceId, server: slug, principal: key }));
	const own = use === 'workspace' ? undefined : kept(principal.key);
	if (own !== undefined) return usable('principal', own);
	const shared = use === 'principal' ? undefined : kept(null);
	if (shared !== undefined) return usable('workspace', shared);
	return { kind: 'missing', whose: use === 'workspace' ? 'workspace' : 'principal' };
}

const STATIC: Choice = Object.freeze({ kind: 'static' });

function usable(whose: Whose, credential: KeptCredential): Choice {
	return credential.state === 'ok' ? { kind: 'kept', whose, credential } : { kind: 'missing', whose };
}

function takesSecrets({ transport }: Server): boolean {
	return secretNames(transport).size > 0;
}
