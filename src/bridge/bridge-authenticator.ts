import { BRIDGE_WORKSPACE } from '../config/bridge-snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import type { Principal } from '../identity/principal.ts';
import { principalKey } from '../lib/principal-key.ts';
import { judgeKey, type KeyRule } from './bridge-key.ts';

/** Whoever holds the key of a bridge; everybody, where it has none. */
export const HOLDER: Principal = principalOf('holder');

// Whoever comes without the key to what is open: documents are lists, and there is nothing they can call.
const READER: Principal = principalOf('reader', { listsOnly: true });

/**
 * The identity stage of a bridge, in place of the gateway's: there is one key, or none, and nobody behind it. What its front
 * lets in is judged here once more. Throws PC_TOKEN_MISSING and PC_KEY_INVALID.
 */
export function createBridgeAuthenticator(rule: KeyRule): Authenticator {
	const nobody = (): never => {
		throw new PortcullisError('PC_TOKEN_MISSING');
	};
	return {
		authenticate({ rawHeaders }) {
			const refusal = judgeKey(rawHeaders, rule);
			if (refusal === undefined) return HOLDER;
			if (!rule.isStrict) return READER;
			throw new PortcullisError(refusal.status === 403 ? 'PC_KEY_INVALID' : 'PC_TOKEN_MISSING');
		},
		authenticateToken: nobody,
		principalOf: nobody,
		signIn: { begin: nobody, finish: async () => nobody() },
		renew: (principal) => principal,
		standingOf: () => undefined,
		close: () => undefined,
	};
}

function principalOf(oid: string, more: { readonly listsOnly?: true } = {}): Principal {
	const who = { issuer: 'bridge', tid: BRIDGE_WORKSPACE, oid };
	const grant = Object.freeze({
		...{ workspace: BRIDGE_WORKSPACE, workspaceId: BRIDGE_WORKSPACE, level: 'write' as const, rules: [], ...more },
	});
	return Object.freeze({
		...{ ...who, key: principalKey(who), name: oid, vouchedBy: 'bridge', expiresAt: Number.POSITIVE_INFINITY },
		platformLevel: undefined,
		grants: new Map([[BRIDGE_WORKSPACE, grant]]),
	});
}
