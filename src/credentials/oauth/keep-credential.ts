import { randomUUID } from 'node:crypto';
import { PortcullisError } from '../../errors/portcullis-error.ts';
import { type CredentialValues, credentialAt, putCredential } from '../../store/queries/credential.ts';
import type { Store } from '../../store/store.ts';
import type { Sealing } from '../sealing/create-sealing.ts';
import type { Connectable } from './reach-server.ts';
import type { Registration } from './registration.ts';
import type { StoredTokens } from './stored-tokens.ts';
import type { TokenSet } from './token-requests.ts';

/** What keeping a credential takes. */
export interface KeepingParts {
	readonly store: Pick<Store, 'withWorkspace'>;
	readonly sealing: Sealing;
	/** Wall clock, milliseconds since 1970. */
	readonly now: () => number;
	/** Brings this process's snapshot up to the change; others follow by themselves. */
	readonly refresh: () => Promise<void>;
}

/** What is kept. */
export interface Keeping {
	/** What is sealed. */
	readonly text: string;
	readonly values: Omit<CredentialValues, 'id' | 'sealed' | 'keyId' | 'reference'>;
	readonly signal: AbortSignal;
}

const REASON = 'connect-account';

/** Among the names of a connection: it is renewed by itself. */
export const RENEWABLE = 'refresh_token';

/** Keeps a credential in the place of the one that is there, so that it stays the same one at another version. */
export async function keepCredential(
	parts: KeepingParts,
	{ workspace, server, owner }: Connectable,
	{ text, values, signal }: Keeping,
): Promise<void> {
	const place = { server: server.slug, owner };
	const kept = await parts.store.withWorkspace(workspace.id, REASON, async (tx) => {
		const id = (await credentialAt(tx, place))?.id ?? randomUUID();
		const { bytes, keyId } = await parts.sealing.seal(
			text,
			{ purpose: 'credential', workspaceId: workspace.id, id },
			signal,
		);
		return putCredential(tx, place, { ...values, id, sealed: bytes, keyId, reference: null });
	});
	if (kept === undefined) throw new PortcullisError('PC_ADDRESS_UNKNOWN');
	await parts.refresh();
}

/** Tokens that a service has just issued, and how they were got. */
export interface NewTokens extends Pick<Keeping, 'signal'> {
	readonly set: TokenSet;
	readonly from: {
		readonly grant: StoredTokens['grant'];
		readonly issuer: string;
		readonly registration: Registration;
		readonly resource: string;
		readonly asked: readonly string[] | undefined;
	};
	/** One text for whoever connects. */
	readonly createdBy: string;
}

/** Keeps them as the credential of the place. */
export async function keepTokens(parts: KeepingParts, connectable: Connectable, made: NewTokens): Promise<void> {
	const { set, from, createdBy, signal } = made;
	const { accessToken, refreshToken, expiresAt } = set;
	const { grant, issuer, registration, resource, asked } = from;
	const tokens: StoredTokens = {
		...{ grant, issuer, clientId: registration.clientId, how: registration.how },
		...{ resource, accessToken, issuedAt: parts.now() },
		...(refreshToken !== undefined && { refreshToken }),
		...(expiresAt !== undefined && { expiresAt }),
		...(asked !== undefined && { asked: [...asked] }),
	};
	const isRenewed = refreshToken !== undefined || grant === 'client-credentials';
	await keepCredential(parts, connectable, {
		text: JSON.stringify(tokens),
		values: {
			kind: 'oauth',
			names: isRenewed ? ['token', RENEWABLE] : ['token'],
			scopes: set.scopes ?? asked ?? [],
			authorizationServer: issuer,
			connectedAs: set.account ?? '',
			expiresAt: expiresAt === undefined ? null : new Date(expiresAt),
			createdBy,
		},
		signal,
	});
}
