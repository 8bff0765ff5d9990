import { z } from 'zod';
import { PortcullisError } from '../../errors/portcullis-error.ts';
import type { TokenSet } from './token-requests.ts';

const SCHEMA = z.object({
	grant: z.enum(['authorization-code', 'client-credentials']),
	issuer: z.string(),
	clientId: z.string(),
	how: z.enum(['pre-registered', 'document', 'dynamic']),
	resource: z.string(),
	accessToken: z.string(),
	refreshToken: z.string().optional(),
	issuedAt: z.number(),
	expiresAt: z.number().optional(),
	/** Scopes that were asked for. */
	asked: z.array(z.string()).optional(),
	/** Scopes that a refused call needed. */
	wanted: z.array(z.string()).optional(),
});

/** A connection as it is sealed: the tokens, and where they came from. */
export type StoredTokens = z.output<typeof SCHEMA>;

/** Reads what was sealed. */
export function parseStoredTokens(text: string): StoredTokens {
	const parsed = SCHEMA.safeParse(JSON.parse(text));
	if (!parsed.success) throw new PortcullisError('PC_SECRET_UNREADABLE');
	return parsed.data;
}

/** The same connection with new tokens: what the server did not replace stays (RFC 6749 §6). */
export function withTokens(stored: StoredTokens, set: TokenSet, now: number): StoredTokens {
	const { accessToken, expiresAt } = set;
	const { expiresAt: _gone, ...kept } = stored;
	const refreshToken = set.refreshToken ?? stored.refreshToken;
	return {
		...kept,
		accessToken,
		issuedAt: now,
		...(refreshToken !== undefined && { refreshToken }),
		...(expiresAt !== undefined && { expiresAt }),
	};
}

/** Whether a token is good, should be renewed beside the calls, or before them. */
export type Freshness = 'fresh' | 'ageing' | 'stale';

/** Ahead of the end by so much a token is renewed while calls still use it, milliseconds. */
const AHEAD_MS = 120_000;
/** So near to its end none is sent off any more, milliseconds. */
const MARGIN_MS = 10_000;

/** How fresh a token is; of one that lives shortly a fifth and a twentieth of its life count. */
export function freshnessOf(
	{ issuedAt, expiresAt }: Pick<StoredTokens, 'issuedAt' | 'expiresAt'>,
	now: number,
): Freshness {
	if (expiresAt === undefined) return 'fresh';
	const life = Math.max(expiresAt - issuedAt, 0);
	if (now >= expiresAt - Math.min(MARGIN_MS, life / 20)) return 'stale';
	return now >= expiresAt - Math.min(AHEAD_MS, life / 5) ? 'ageing' : 'fresh';
}
