import type { Server } from '../config/snapshot.ts';
import type { Attached } from '../credentials/attach-credential.ts';

/** A server together with the credential of this call: everything that decides which upstream state may be used. */
export interface Target {
	readonly server: Server;
	readonly credential: Attached;
}
