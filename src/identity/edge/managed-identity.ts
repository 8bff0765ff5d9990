import type { ManagedIdentityEdge } from '../../config/listeners.ts';
import { errorCode } from '../../errors/portcullis-error.ts';
import type { VerifiedClaims } from '../check-claims.ts';
import { parseCompact } from '../parse-token.ts';
import { EDGE_TOKEN_HEADER } from './edge-headers.ts';
import { refusedProof } from './edge-refusal.ts';
import type { Proves } from './header-edge.ts';
import { headerIn } from './person-headers.ts';

/** Claims of an access token, verified as any other; rejects as that does. */
export type ClaimsOfToken = (token: string) => VerifiedClaims | Promise<VerifiedClaims>;

/**
 * Proof by an app-only access token that the edge got for itself: verified like a caller's, and of a pinned application
 * or object of the named directory. A token of a person proves nothing about an edge.
 */
export function createManagedIdentityProof(edge: ManagedIdentityEdge, claimsOfToken: ClaimsOfToken): Proves {
	const applications = new Set<unknown>(edge.applications);
	const objects = new Set<unknown>(edge.objects);
	return async ({ rawHeaders }) => {
		const token = tokenIn(headerIn(rawHeaders, EDGE_TOKEN_HEADER) ?? '');
		if (token === undefined) return 'absent';
		const { directory, scopes, oid } = await verified(token, claimsOfToken);
		if (directory !== edge.directory) throw refusedProof('the token of the edge is of another directory');
		if (scopes.length > 0) throw refusedProof('the token of the edge is a person’s');
		// Verified above: these are the very claims that were signed.
		const { azp, appid } = parseCompact(token).claims;
		if (!applications.has(azp ?? appid) && !objects.has(oid))
			throw refusedProof('the token is of no pinned application');
		return 'proven';
	};
}

function tokenIn(header: string): string | undefined {
	if (header === '') return undefined;
	const token = /^bearer +(\S+)$/i.exec(header)?.[1];
	if (token === undefined) throw refusedProof('the token of the edge is not sent as a bearer');
	return token;
}

async function verified(token: string, claimsOfToken: ClaimsOfToken): Promise<VerifiedClaims> {
	try {
		return await claimsOfToken(token);
	} catch (error) {
		const code = errorCode(error);
		if (code === 'PC_DIRECTORY_UNAVAILABLE' || code === undefined) throw error;
		throw refusedProof(`the token of the edge is refused: ${code}`, error);
	}
}
