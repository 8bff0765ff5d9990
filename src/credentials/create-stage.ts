import type { SnapshotSource } from '../config/snapshot.ts';
import { createEgress } from '../lib/egress/create-egress.ts';
import type { Log } from '../observe/log.ts';
import { type Credentials, createCredentials } from './attach-credential.ts';
import type { LinkFor } from './connect-required.ts';
import { createOAuth, type OAuth, type OAuthParts } from './oauth/create-oauth.ts';
import { createOpenCredential, type OpenCredentialParts } from './open-credential.ts';

/** What the stage and all around it are made of. */
export interface CredentialStageParts {
	readonly snapshots: Pick<SnapshotSource, 'current'>;
	/** Where credentials are kept; without it there are those of the configuration alone. */
	readonly managed?: OpenCredentialParts & Pick<OAuthParts, 'refresh'>;
	/** What services may name although it is not public. */
	readonly egressAllow?: readonly string[];
	readonly log: Log;
}

/** The stage, and the OAuth client where connections are kept. */
export interface CredentialStage {
	readonly credentials: Credentials;
	readonly oauth: OAuth | undefined;
}

/** Assembles them; `linkFor` says where people are sent who have nothing connected yet. */
export function createCredentialStage(parts: CredentialStageParts, linkFor: LinkFor): CredentialStage {
	const { snapshots, managed, egressAllow = [], log } = parts;
	const onTrouble = (err: unknown): void => log.warn({ err }, 'a connection could not be renewed');
	const around = { snapshots, egress: createEgress({ allowed: egressAllow }), now: Date.now, onTrouble };
	const oauth = managed && createOAuth({ ...managed, ...around });
	const open = managed && createOpenCredential(managed);
	const { tokenFor } = oauth?.accessTokens ?? {};
	const credentials = createCredentials({
		current: snapshots.current,
		open,
		tokenFor,
		linkFor,
		answerRefusal: oauth?.answerRefusal,
	});
	return { credentials, oauth };
}
