import type { RecordKeeper } from './audit/file-record.ts';
import type { BridgeParts } from './bridge/bridge-parts.ts';
import type { Catalogue } from './catalogue/load-catalogue.ts';
import type { ListenerSettings } from './config/listeners.ts';
import type { SnapshotSource } from './config/snapshot.ts';
import type { ConnectAround } from './connect/create-connect.ts';
import type { OpenCredentialParts } from './credentials/open-credential.ts';
import type { FailuresOptions } from './identity/failed-attempts.ts';
import type { Sharing } from './limits/create-limits.ts';
import type { Log } from './observe/log.ts';
import type { Runtime } from './runtime/runtime.ts';
import type { Store } from './store/store.ts';
import type { ProgramParts } from './upstream/stdio-program.ts';

/** What there is to manage, and the secrets that are kept there. */
export interface ManagedParts extends OpenCredentialParts {
	readonly store: Store;
	readonly refresh: () => Promise<void>;
}

/** What an app is made of. */
export interface AppParts {
	/** Whoever made it closes it after the app. */
	readonly snapshots: SnapshotSource;
	/** Public listeners besides the main one. */
	readonly listeners?: readonly ListenerSettings[];
	/** Where the audit goes; whoever made it closes it after the app. */
	readonly records: RecordKeeper;
	/** Where the management API finds what it manages; without it there is nothing to manage. */
	readonly managed?: ManagedParts;
	/** What people connect their accounts with; there is nothing to connect without it. */
	readonly connecting?: Pick<ConnectAround, 'connections' | 'clientDocument'>;
	/** How limits are kept; by this process alone, unless told. */
	readonly limiting?: Sharing & Pick<FailuresOptions, 'perMinute'>;
	/** Whether the snapshot is too old to judge anybody by; never, unless told. */
	readonly isStale?: () => boolean;
	/** How long keys of a directory that gives no others are trusted, milliseconds; a day, unless told. */
	readonly jwksStaleMs?: number;
	/** What others may name although it is not public: entries of `PORTCULLIS_EGRESS_ALLOW`; nothing, unless told. */
	readonly egressAllow?: readonly string[];
	/** Harmless variables of our environment for stdio children. */
	readonly childEnv: Readonly<Record<string, string>>;
	/** Programs that the operator has installed; without them no server runs one. */
	readonly programs?: ProgramParts & {
		readonly runtime: Runtime;
		/** Folder in which each workspace has one for the files of its servers. */
		readonly files?: string | undefined;
	};
	/** The services that servers can be made of; those that come with the gateway, unless told. */
	readonly catalogue?: Catalogue;
	readonly log: Log;
	/** What makes this a bridge; `portcullis bridge` gives it, and nothing else can. */
	readonly bridge?: BridgeParts;
}
