import { createHash } from 'node:crypto';
import { lockCredential, type SealedCredentialRow, sealedCredential } from '../../store/queries/credential.ts';
import { insertPending, type PendingValues, takePending } from '../../store/queries/oauth-pending.ts';
import { listRegistrations, putRegistration } from '../../store/queries/oauth-registration.ts';
import type { Store } from '../../store/store.ts';
import type { WorkspaceTx } from '../../store/tx.ts';
import type { Sealed, Sealing } from '../sealing/create-sealing.ts';
import type { Authorization } from './authorization.ts';
import type { Registration } from './registration.ts';
import { parseStoredTokens, type StoredTokens } from './stored-tokens.ts';

/** What rows are read and written with. */
export interface SealedRowsParts {
	readonly store: Pick<Store, 'withWorkspace'>;
	readonly sealing: Sealing;
}

/** One server of one workspace, as rows know it. */
export interface RowPlace {
	readonly workspaceId: string;
	/** Slug of the server. */
	readonly server: string;
}

/** The rows of the OAuth client; what is secret in them opens only in its own place. */
export interface SealedRows {
	registration(place: RowPlace, issuer: string, signal: AbortSignal): Promise<Registration | undefined>;
	/** The same within a transaction. */
	registrationIn(
		tx: WorkspaceTx,
		at: { readonly server: string; readonly issuer: string },
		signal: AbortSignal,
	): Promise<Registration | undefined>;
	/** Keeps one in place of `replaces` (`undefined`: of none) and gives the one that counts: of two made at once, the first. */
	keepRegistration(place: RowPlace, made: KeptRegistration, signal: AbortSignal): Promise<Registration>;
	sealRegistration(place: RowPlace, registration: Registration, signal: AbortSignal): Promise<Sealed>;
	expect(place: RowPlace, pending: Expected, signal: AbortSignal): Promise<void>;
	/** Whom this state is about, once. */
	take(workspaceId: string, back: ComingBack, signal: AbortSignal): Promise<Returned | undefined>;
	sealTokens(workspaceId: string, id: string, tokens: StoredTokens, signal: AbortSignal): Promise<Sealed>;
	openTokens(workspaceId: string, row: SealedCredentialRow, signal: AbortSignal): Promise<StoredTokens>;
	/** The credential with its tokens, as it is now. */
	credential(workspaceId: string, id: string): Promise<SealedCredentialRow | undefined>;
	/** Runs `fn` while nobody else changes the credential; `undefined` where it is gone. */
	withLocked<T>(
		workspaceId: string,
		id: string,
		fn: (tx: WorkspaceTx, row: SealedCredentialRow | undefined) => Promise<T>,
	): Promise<T>;
}

/** A registration and the one it replaces. */
export interface KeptRegistration {
	readonly registration: Registration;
	readonly replaces: Registration | undefined;
}

/** A sign-in that has begun. */
export interface Expected extends Pick<PendingValues, 'owner' | 'person' | 'lastsMs'> {
	readonly state: string;
	readonly browserSession: string;
	readonly authorization: Authorization;
}

/** What somebody comes back with. */
export type ComingBack = Pick<Expected, 'state' | 'browserSession' | 'person'>;

/** What was kept for them. */
export interface Returned {
	readonly server: string;
	readonly owner: 'workspace' | 'principal';
	readonly authorization: Authorization;
}

const REASON = 'connect-account';

/** Builds them. */
export function createSealedRows({ store, sealing }: SealedRowsParts): SealedRows {
	const tokensAt = (workspaceId: string, id: string) => ({ purpose: 'credential', workspaceId, id }) as const;
	const rows: SealedRows = {
		registration: ({ workspaceId, server }, issuer, signal) =>
			store.withWorkspace(workspaceId, REASON, (tx) => rows.registrationIn(tx, { server, issuer }, signal)),
		async registrationIn(tx, { server, issuer }, signal) {
			const row = (await listRegistrations(tx, server)).find((each) => each.issuer === issuer);
			if (row?.sealed == null || row.keyId === null) return undefined;
			const sealed = { bytes: row.sealed, keyId: row.keyId };
			const text = await sealing.open(sealed, registrationAt(tx.workspaceId, row), signal);
			return JSON.parse(text) as Registration;
		},
		async keepRegistration(place, { registration, replaces }, signal) {
			const { workspaceId, server } = place;
			const { issuer, clientId, how, redirectUri = '', secretExpiresAt } = registration;
			const sealed = await rows.sealRegistration(place, registration, signal);
			const values = { clientId, method: how, sealed: sealed.bytes, keyId: sealed.keyId, redirectUri };
			const expiresAt = secretExpiresAt === undefined ? null : new Date(secretExpiresAt);
			const at = { server, issuer, replaces: replaces?.clientId ?? null };
			await store.withWorkspace(workspaceId, REASON, (tx) => putRegistration(tx, at, { ...values, expiresAt }));
			return (await rows.registration(place, issuer, signal)) ?? registration;
		},
		sealRegistration: ({ workspaceId, server }, registration, signal) =>
			sealing.seal(
				JSON.stringify(registration),
				registrationAt(workspaceId, { issuer: registration.issuer, server }),
				signal,
			),
		async expect({ workspaceId, server }, { state, browserSession, authorization, ...pending }, signal) {
			const stateDigest = digestOf(state);
			const binding = pendingAt(workspaceId, stateDigest);
			const sealed = await sealing.seal(JSON.stringify(authorization), binding, signal);
			const more = { stateDigest, server, sessionDigest: digestOf(browserSession) };
			const values = { ...pending, ...more, authorizationServer: authorization.server.issuer };
			await store.withWorkspace(workspaceId, REASON, (tx) =>
				insertPending(tx, { ...values, sealed: sealed.bytes, keyId: sealed.keyId }),
			);
		},
		async take(workspaceId, { state, browserSession, person }, signal) {
			const stateDigest = digestOf(state);
			const wanted = { stateDigest, sessionDigest: digestOf(browserSession), person };
			const row = await store.withWorkspace(workspaceId, REASON, (tx) => takePending(tx, wanted));
			if (row === undefined) return undefined;
			const sealed = { bytes: row.sealed, keyId: row.keyId };
			const text = await sealing.open(sealed, pendingAt(workspaceId, stateDigest), signal);
			return { server: row.server, owner: row.owner, authorization: JSON.parse(text) as Authorization };
		},
		sealTokens: (workspaceId, id, tokens, signal) =>
			sealing.seal(JSON.stringify(tokens), tokensAt(workspaceId, id), signal),
		async openTokens(workspaceId, { id, sealed, keyId }, signal) {
			const bytes = { bytes: sealed ?? Buffer.alloc(0), keyId: keyId ?? '' };
			return parseStoredTokens(await sealing.open(bytes, tokensAt(workspaceId, id), signal));
		},
		credential: (workspaceId, id) => store.withWorkspace(workspaceId, REASON, (tx) => sealedCredential(tx, id)),
		withLocked: (workspaceId, id, fn) =>
			store.withWorkspace(workspaceId, 'renew-connection', async (tx) => fn(tx, await lockCredential(tx, id))),
	};
	return rows;
}

// By the server's slug: the row is not there yet when the value is sealed.
function registrationAt(workspaceId: string, { issuer, server }: { readonly issuer: string; readonly server: string }) {
	return { purpose: 'oauth-registration', workspaceId, id: JSON.stringify([server, issuer]) } as const;
}

function pendingAt(workspaceId: string, stateDigest: Buffer) {
	return { purpose: 'oauth-pending', workspaceId, id: stateDigest.toString('hex') } as const;
}

function digestOf(text: string): Buffer {
	return createHash('sha256').update(text).digest();
}
