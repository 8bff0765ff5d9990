import { PortcullisError } from '../errors/portcullis-error.ts';
import { createSecret } from '../lib/secret.ts';
import { type SealedCredentialRow, sealedCredential } from '../store/queries/credential.ts';
import type { Store } from '../store/store.ts';
import type { SecretValues } from './render-credential.ts';
import type { SealBinding, Sealing } from './sealing/create-sealing.ts';
import type { ReadSecrets, SecretOwner, SecretReference, SecretSource } from './sources/secret-source.ts';

/** Which kept credential of which workspace. */
export interface CredentialName {
	readonly workspaceId: string;
	readonly id: string;
}

/** The same with the slug of the workspace, by which stores outside know it. */
export interface CredentialOf extends CredentialName, SecretOwner {}

/** Reads the secrets of a kept credential: from the database, or from where its reference leads. */
export type OpenCredential = (name: CredentialOf, signal: AbortSignal) => Promise<ReadSecrets>;

/** What credentials are opened with. */
export interface OpenCredentialParts {
	readonly store: Pick<Store, 'withWorkspace'>;
	readonly sealing: Sealing;
	/** Stores of secrets outside, by the names that references give them. */
	readonly sources: ReadonlyMap<string, SecretSource>;
}

const REASON = 'attach-credential';

/** Named secrets as they are sealed, and back. */
export const sealedText = (values: Readonly<Record<string, string>>): string => JSON.stringify(values);

/** The place of a credential's sealed value. */
export function bindingOf({ workspaceId, id }: CredentialName): SealBinding {
	return { purpose: 'credential', workspaceId, id };
}

/** Opens credentials of kind `values` and `reference`; tokens of OAuth have a life of their own. */
export function createOpenCredential({ store, sealing, sources }: OpenCredentialParts): OpenCredential {
	return async (name, signal) => {
		const row = await store.withWorkspace(name.workspaceId, REASON, (tx) => sealedCredential(tx, name.id));
		if (row === undefined) throw new PortcullisError('PC_CREDENTIAL_MISSING', { detail: 'it is gone' });
		if (row.kind === 'reference') return follow(sources, row, { name, signal });
		const { sealed, keyId } = row;
		if (sealed === null || keyId === null) throw new PortcullisError('PC_SECRET_UNREADABLE');
		const text = await sealing.open({ keyId, bytes: sealed }, bindingOf(name), signal);
		return { values: valuesOf(text), validMs: Number.POSITIVE_INFINITY };
	};
}

function follow(
	sources: OpenCredentialParts['sources'],
	{ reference }: SealedCredentialRow,
	{ name: { workspaceId, workspace }, signal }: { readonly name: CredentialOf; readonly signal: AbortSignal },
): Promise<ReadSecrets> {
	const { source, at } = reference as unknown as SecretReference;
	const found = sources.get(source);
	if (found !== undefined) return found.read({ source, at }, { workspaceId, workspace }, signal);
	throw new PortcullisError('PC_CREDENTIAL_MISSING', { detail: `this gateway has no source ${source}` });
}

function valuesOf(text: string): SecretValues {
	const values = JSON.parse(text) as Readonly<Record<string, string>>;
	return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, createSecret(value)]));
}
