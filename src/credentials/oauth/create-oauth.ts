import { secretNames } from '../../config/credential-fault.ts';
import type { Server, SnapshotSource } from '../../config/snapshot.ts';
import type { Egress } from '../../lib/egress/create-egress.ts';
import type { Store } from '../../store/store.ts';
import type { Sealing } from '../sealing/create-sealing.ts';
import { type AccessTokens, createAccessTokens } from './access-tokens.ts';
import { type AnswerRefusal, createAnswerRefusal } from './answer-refusal.ts';
import { clientDocument } from './client-document.ts';
import { type ClientPlace, type GivenClient, type StoredClient, storeClient } from './client-sign-in.ts';
import type { Connections } from './connections.ts';
import { createConnections } from './create-connections.ts';
import { createDiscovery } from './discovery.ts';
import { createOAuthFetch } from './egress-fetch.ts';
import { createRenewTokens } from './renew-tokens.ts';
import { createSealedRows } from './sealed-rows.ts';
import { createTokenRequests } from './token-requests.ts';

/** What the OAuth client is made of. */
export interface OAuthParts {
	readonly snapshots: Pick<SnapshotSource, 'current'>;
	readonly store: Pick<Store, 'withWorkspace'>;
	readonly sealing: Sealing;
	readonly egress: Egress;
	/** Brings this process's snapshot up to a change; others follow by themselves. */
	readonly refresh: () => Promise<void>;
	/** Told of failures nobody else hears of. */
	readonly onTrouble: (error: unknown) => void;
	/** Wall clock, milliseconds since 1970. */
	readonly now: () => number;
}

/** The OAuth client of the gateway towards services. */
export interface OAuth {
	readonly connections: Connections;
	readonly accessTokens: AccessTokens;
	readonly answerRefusal: AnswerRefusal;
	/** Keeps a client that an administrator registered at a service, and signs in with it where that is how it is done. */
	storeClient(place: ClientPlace, client: GivenClient): Promise<StoredClient>;
	/** What is at `/oauth/client.json`; `undefined` while the gateway's own address is not known. */
	clientDocument(): object | undefined;
	/** Resolves when no renewal is under way any more. */
	close(): Promise<void>;
}

/** Assembles it; nothing is asked of anybody yet. */
export function createOAuth(parts: OAuthParts): OAuth {
	const { snapshots, now } = parts;
	const fetch = createOAuthFetch(parts.egress);
	const around = {
		fetch,
		discovery: createDiscovery(fetch),
		requests: createTokenRequests(fetch, now),
		rows: createSealedRows(parts),
	};
	const renew = createRenewTokens({ ...around, now });
	const accessTokens = createAccessTokens({ rows: around.rows, renew, now, onTrouble: parts.onTrouble });
	const asksOf = ({ transport }: Server): readonly string[] => [...secretNames(transport)];
	const connecting = { ...parts, ...around, asksOf };
	return {
		connections: createConnections(connecting),
		accessTokens,
		answerRefusal: createAnswerRefusal({ ...around, accessTokens, onTrouble: parts.onTrouble }),
		storeClient: (place, client) => storeClient(connecting, place, client),
		clientDocument() {
			const { url } = snapshots.current().names;
			return url === undefined ? undefined : clientDocument(url);
		},
		close: () => accessTokens.close(),
	};
}
