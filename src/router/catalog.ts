import type { Server } from '../config/snapshot.ts';
import type { Principal } from '../identity/principal.ts';
import type { CancelSignal } from '../lib/cancel.ts';
import type { Call } from '../mcp/call.ts';
import type { ListKind } from '../mcp/methods.ts';
import type { ParamHeader } from '../mcp/modern/param-headers.ts';
import type { RestoredCall } from '../mcp/modern/restore-call.ts';
import type { Era } from '../mcp/revisions.ts';

/** One tool, prompt, resource or template as its server gave it. */
export interface CatalogItem {
	/** Tool or prompt name, resource URI, or URI template. */
	readonly name: string;
	/** The whole definition, byte for byte. */
	readonly text: string;
	/** Tool whose annotations say `readOnlyHint: true`. */
	readonly readOnly: boolean;
	/** SHA-256 in hex of a tool's definition in canonical form, to pin it by; `undefined` for what cannot be pinned. */
	readonly digest: string | undefined;
	/** Arguments a modern server wants mirrored in headers. */
	readonly paramHeaders: readonly ParamHeader[];
}

/** A complete list of one server. */
export interface CatalogList {
	readonly items: readonly CatalogItem[];
	readonly byName: ReadonlyMap<string, CatalogItem>;
	/** Era of the server that gave it. */
	readonly era: Era;
	/** Whether the server could not be asked again when it was due: this is the last known good list. */
	readonly outdated: boolean;
}

/** How a server turned out to speak. */
export interface Spoken {
	readonly era: Era;
	readonly revision: string;
	/** `sse` also where a server that is configured as http knows only the older transport. */
	readonly way: 'http' | 'sse' | 'stdio' | 'openapi';
}

/** Whose list is wanted. */
export interface CatalogQuery {
	readonly principal: Principal;
	readonly server: Server;
	readonly kind: ListKind;
	/** Client capabilities as JSON text: servers may list by them. */
	readonly profile: string;
	/** Ends the wait, not the reading, which others may share; `undefined`: wait as long as the server's limits let. */
	readonly signal?: CancelSignal;
}

/** Which server, as whom. */
export type ServerQuery = Pick<CatalogQuery, 'principal' | 'server'>;

/** What the router asks about upstreams; what is known already is answered without a promise. */
export interface UpstreamDirectory {
	/** The cached list; asks the server only when there is none yet or it is known to have changed. */
	list(query: CatalogQuery): CatalogList | Promise<CatalogList>;
	/** The same after asking the server again, unless that was done moments ago: for names the list does not have. */
	listAgain(query: CatalogQuery): Promise<CatalogList>;
	/** Which protocol the server speaks, and how; asks it when that is unknown or was found out too long ago. */
	spokenBy(query: Omit<CatalogQuery, 'kind' | 'profile' | 'signal'>): Spoken | Promise<Spoken>;
	/** Opens the state or ids of a call that bears some (`bearsSealed`); throws when they are not this principal's. */
	restore(query: ServerQuery, call: Call): RestoredCall;
}
