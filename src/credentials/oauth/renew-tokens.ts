import { errorCode, PortcullisError } from '../../errors/portcullis-error.ts';
import { markCredential, type SealedCredentialRow, storeRefreshed } from '../../store/queries/credential.ts';
import type { WorkspaceTx } from '../../store/tx.ts';
import type { Discovery } from './discovery.ts';
import type { Registration } from './registration.ts';
import type { SealedRows } from './sealed-rows.ts';
import { type StoredTokens, withTokens } from './stored-tokens.ts';
import type { TokenRequests, TokenSet } from './token-requests.ts';

/** What renewing takes. */
export interface RenewalParts {
	readonly rows: SealedRows;
	readonly discovery: Discovery;
	readonly requests: TokenRequests;
	/** Wall clock, milliseconds since 1970. */
	readonly now: () => number;
}

/** Which connection, at the version that somebody means. */
export interface ConnectionId {
	readonly workspaceId: string;
	readonly credentialId: string;
	readonly version: number;
}

/** Tokens that the service has issued and the database does not know yet. */
interface Unsaved {
	/** The access token that they replace. */
	readonly replaces: string;
	readonly tokens: StoredTokens;
}

/**
 * Gives the tokens as they are, where `isGood` says so once nobody else can change them, else new ones, which are stored
 * before anybody gets them. Rejects with PC_OAUTH_ENDED where the connection is gone for good, which the row then says.
 */
export type RenewTokens = (id: ConnectionId, isGood: (tokens: StoredTokens) => boolean) => Promise<StoredTokens>;

/** Limit of what is asked of a service while the row is locked, milliseconds; shorter than any transaction may idle. */
const ASKING_MS = 15_000;
/** How often storing is tried again at once, for what was not stored is lost where the service takes a token once. */
const STORE_AGAIN_MS: readonly number[] = [100, 400, 1_600];

const ENDED = 'The service says that the connection has ended there. Connect the account again.';

/** Builds it. */
export function createRenewTokens(parts: RenewalParts): RenewTokens {
	// By credential: what was issued and could not be stored is stored by whoever comes next, instead of asking again.
	const unsaved = new Map<string, Unsaved>();

	async function attempt(id: ConnectionId, isGood: (tokens: StoredTokens) => boolean): Promise<Outcome> {
		const signal = AbortSignal.timeout(ASKING_MS);
		return parts.rows.withLocked(id.workspaceId, id.credentialId, async (tx, row) => {
			if (row === undefined || row.version !== id.version) return { failure: missing() };
			if (row.state === 'needs-attention') return { failure: new PortcullisError('PC_OAUTH_ENDED') };
			const stored = await parts.rows.openTokens(id.workspaceId, row, signal);
			if (isGood(stored)) return { tokens: stored };
			const known = unsaved.get(id.credentialId);
			const next =
				known?.replaces === stored.accessToken ? known.tokens : await ask({ parts, tx, row, signal }, stored);
			if ('failure' in next) return next;
			unsaved.set(id.credentialId, { replaces: stored.accessToken, tokens: next });
			await store({ parts, tx, row, signal }, next);
			return { tokens: next };
		});
	}

	return async (id, isGood) => {
		for (let tries = 0; ; tries++) {
			try {
				const outcome = await attempt(id, isGood);
				unsaved.delete(id.credentialId);
				if ('failure' in outcome) throw outcome.failure;
				return outcome.tokens;
			} catch (error) {
				const waitMs = STORE_AGAIN_MS[tries];
				if (!unsaved.has(id.credentialId) || waitMs === undefined) throw error;
				await new Promise((resolve) => setTimeout(resolve, waitMs));
			}
		}
	};
}

type Outcome = { readonly tokens: StoredTokens } | { readonly failure: PortcullisError };

interface Locked {
	readonly parts: RenewalParts;
	readonly tx: WorkspaceTx;
	readonly row: SealedCredentialRow;
	readonly signal: AbortSignal;
}

// Only an end for good is written down; it must not roll the transaction back, so it comes as a value.
async function ask(
	locked: Locked,
	stored: StoredTokens,
): Promise<StoredTokens | { readonly failure: PortcullisError }> {
	const { parts, tx, row } = locked;
	try {
		return withTokens(stored, await request(locked, stored), parts.now());
	} catch (error) {
		if (errorCode(error) !== 'PC_OAUTH_ENDED') throw error;
		await markCredential(tx, { id: row.id, version: row.version, reason: ENDED });
		return { failure: error as PortcullisError };
	}
}

async function request({ parts, tx, row, signal }: Locked, stored: StoredTokens): Promise<TokenSet> {
	const { grant, issuer, resource, refreshToken, asked } = stored;
	if (grant === 'authorization-code' && refreshToken === undefined) throw new PortcullisError('PC_OAUTH_ENDED');
	const server = await parts.discovery.authorizationServer(issuer, signal);
	const registration = registrationFor(
		stored,
		await parts.rows.registrationIn(tx, { server: row.server, issuer }, signal),
	);
	const place = { server, registration, resource, signal };
	return refreshToken === undefined || grant === 'client-credentials'
		? parts.requests.byClient(place, asked)
		: parts.requests.renew(place, refreshToken);
}

// Tokens are renewed by the client they were issued to, with the proof it has by now.
function registrationFor(stored: StoredTokens, known: Registration | undefined): Registration {
	const { how, issuer, clientId } = stored;
	if (how === 'document') return { issuer, how, clientId, authMethod: 'none' };
	if (known?.clientId !== clientId) throw new PortcullisError('PC_OAUTH_CLIENT_REFUSED', { detail: 'another client' });
	return known;
}

async function store({ parts, tx, row, signal }: Locked, tokens: StoredTokens): Promise<void> {
	const { id, version, scopes } = row;
	const sealed = await parts.rows.sealTokens(tx.workspaceId, id, tokens, signal);
	const expiresAt = tokens.expiresAt === undefined ? null : new Date(tokens.expiresAt);
	await storeRefreshed(tx, { id, version, sealed: sealed.bytes, keyId: sealed.keyId, scopes, expiresAt });
}

function missing(): PortcullisError {
	return new PortcullisError('PC_CREDENTIAL_MISSING', { detail: 'the credential was replaced or removed' });
}
