import type { Catalogue } from '../catalogue/load-catalogue.ts';
import type { Server, Snapshot } from '../config/snapshot.ts';
import type { OAuth } from '../credentials/oauth/create-oauth.ts';
import type { Sealing } from '../credentials/sealing/create-sealing.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import type { Principal } from '../identity/principal.ts';
import type { Answer } from '../mcp/answer.ts';
import type { Call } from '../mcp/call.ts';
import type { UpstreamDirectory } from '../router/catalog.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Store } from '../store/store.ts';
import type { ServerState } from '../upstream/server-states.ts';

/** A tool call that somebody makes through the management API. */
export interface TrialCall {
	readonly requestId: string;
	readonly principal: Principal;
	readonly workspace: string;
	readonly server: string;
	readonly call: Call;
	readonly signal: AbortSignal;
}

/** What the resources of the management API work with. */
export interface ResourceParts {
	readonly store: Store;
	/** Seals what is kept secret. */
	readonly sealing: Sealing;
	/** Brings this process's snapshot up to a change that was just made; others follow by themselves. Never rejects. */
	refresh(): Promise<void>;
	/** The configuration in force. */
	current(): Snapshot;
	readonly directory: UpstreamDirectory;
	/** Which credential a call would carry, as the audit names it; no part of its value. */
	credentialOf(principal: Principal, server: Server): string;
	serverState(server: Server): ServerState;
	readonly catalogue: Catalogue;
	/** Programs that the operator has installed, and where workspaces have their files. */
	readonly programs?:
		| { readonly runtime: Pick<Runtime, 'isInstalled'>; readonly files?: string | undefined }
		| undefined;
	/** What somebody holds in a workspace as far as is known without a token of theirs. */
	readonly standingOf: Authenticator['standingOf'];
	/** Keeps a client of a service for a server. */
	readonly storeClient: OAuth['storeClient'];
	/** Makes a call as the data plane would: judged, recorded and forwarded. */
	runCall(trial: TrialCall): Promise<Answer>;
}
