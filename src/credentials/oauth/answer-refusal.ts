import { PortcullisError } from '../../errors/portcullis-error.ts';
import type { Secret } from '../../lib/secret.ts';
import { storeRefreshed } from '../../store/queries/credential.ts';
import type { AccessTokens, ConnectionTarget } from './access-tokens.ts';
import { unionOfScopes } from './authorization.ts';
import { parseBearerChallenge } from './challenge.ts';
import type { ConnectionId } from './renew-tokens.ts';
import type { SealedRows } from './sealed-rows.ts';

/** How a server refused a call: 401 or 403, and its `WWW-Authenticate`. */
export interface Refusal {
	readonly status: number;
	readonly challenge: string | readonly string[] | undefined;
}

/** What refusals are answered with. */
export interface RefusalParts {
	readonly accessTokens: Pick<AccessTokens, 'refused'>;
	readonly rows: SealedRows;
	readonly onTrouble: (error: unknown) => void;
}

/** What to tell the caller of a server's refusal, and what is done about it beside the answer. */
export type AnswerRefusal = (target: ConnectionTarget, token: Secret, refusal: Refusal) => PortcullisError | undefined;

/**
 * After a 401 the token is renewed, and the caller told to call again: the call is not repeated by itself. After a 403 for
 * want of scopes those are noted, so that connecting again asks for them, too. `undefined`: nothing helps.
 */
export function createAnswerRefusal({ accessTokens, rows, onTrouble }: RefusalParts): AnswerRefusal {
	return (target, token, { status, challenge }) => {
		if (status === 401) {
			const renewed = accessTokens.refused(target, token);
			return renewed && new PortcullisError('PC_OAUTH_RENEWED', { detail: 'HTTP 401' });
		}
		const { error, scopes } = parseBearerChallenge(challenge) ?? {};
		if (error !== 'insufficient_scope') return undefined;
		if (scopes !== undefined) noteScopes(rows, target, scopes).catch(onTrouble);
		return new PortcullisError('PC_OAUTH_SCOPE', { detail: 'HTTP 403' });
	};
}

const NOTING_MS = 10_000;

/** Notes scopes that a call needed: the next sign-in asks for them beside those of before. */
export function noteScopes(rows: SealedRows, id: ConnectionId, scopes: readonly string[]): Promise<void> {
	const { workspaceId, credentialId, version } = id;
	return rows.withLocked(workspaceId, credentialId, async (tx, row) => {
		if (row?.version !== version || row.state !== 'ok') return;
		const signal = AbortSignal.timeout(NOTING_MS);
		const tokens = await rows.openTokens(workspaceId, row, signal);
		const wanted = unionOfScopes(tokens.wanted, scopes);
		if (wanted === undefined || wanted.length === tokens.wanted?.length) return;
		const sealed = await rows.sealTokens(workspaceId, credentialId, { ...tokens, wanted: [...wanted] }, signal);
		const { scopes: granted, expiresAt } = row;
		const kept = { sealed: sealed.bytes, keyId: sealed.keyId, scopes: granted, expiresAt };
		await storeRefreshed(tx, { id: credentialId, version, ...kept });
	});
}
