import type { Server, Snapshot } from '../config/snapshot.ts';
import { errorCode } from '../errors/portcullis-error.ts';
import type { ErrorCode } from '../errors/table.ts';
import type { Era } from '../mcp/revisions.ts';
import type { Spoken } from '../router/catalog.ts';

/** What the gateway last learned of a server, whoever's call it was. Holds words of ours alone, none of the server's. */
export interface ServerState {
	/** `failing`: the last thing that was tried went wrong on the server's side. `unknown`: nothing was tried yet. */
	readonly state: 'unknown' | 'ready' | 'failing';
	readonly era?: Era;
	/** MCP revision it agreed on. */
	readonly revision?: string;
	readonly way?: Spoken['way'];
	/** Tools of the list that was read last, allowed or not. */
	readonly toolCount?: number;
	/** Stays when the server is ready again. */
	readonly lastError?: { readonly code: ErrorCode; readonly at: number };
	/** When the server was last tried, milliseconds since 1970. */
	readonly checkedAt: number | undefined;
}

/** The states of the servers there are. */
export interface ServerStates {
	of(server: Server): ServerState;
	/** A session was opened. */
	opened(server: Server, spoken: Spoken): void;
	/** A list of so many tools was read. */
	listed(server: Server, toolCount: number): void;
	/** A call was answered. */
	answered(server: Server): void;
	/** Something went wrong; what is not the server's fault does not count. */
	failed(server: Server, error: unknown): void;
	/** Forgets the servers that the snapshot does not have, or has changed. */
	retire(next: Snapshot): void;
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };

interface Entry {
	readonly server: Server;
	readonly state: Mutable<ServerState>;
}

const UNKNOWN: ServerState = Object.freeze({ state: 'unknown', checkedAt: undefined });

/** Faults of the server, as opposed to callers that went away, sessions that ended and answers that were too large. */
const FAULTS: ReadonlySet<unknown> = new Set<ErrorCode>([
	'PC_UPSTREAM_UNREACHABLE',
	'PC_UPSTREAM_REFUSED',
	'PC_UPSTREAM_REDIRECT',
	'PC_UPSTREAM_INVALID',
	'PC_UPSTREAM_FAILED',
	'PC_UPSTREAM_CRASHED',
	'PC_UPSTREAM_STARTING',
	'PC_UPSTREAM_TIMEOUT',
	'PC_RUNTIME_MISSING',
	'PC_RUNTIME_CHANGED',
	'PC_RUNTIME_UNFIT',
]);

/** Remembers what becomes known of servers, one entry for each definition. */
export function createServerStates(now: () => number = Date.now): ServerStates {
	const entries = new Map<string, Entry>();
	// A call costs one look-up: making the key would cost more than all the rest.
	const byServer = new WeakMap<Server, Entry>();
	const entryOf = (server: Server): Entry => {
		const key = keyOf(server);
		const entry = entries.get(key) ?? { server, state: { ...UNKNOWN } };
		entries.set(key, entry);
		byServer.set(server, entry);
		return entry;
	};
	const touch = (server: Server, state: ServerState['state']): Mutable<ServerState> => {
		const entry = byServer.get(server) ?? entryOf(server);
		entry.state.state = state;
		entry.state.checkedAt = now();
		return entry.state;
	};
	return {
		of: (server) => Object.freeze({ ...(entries.get(keyOf(server))?.state ?? UNKNOWN) }),
		opened(server, { era, revision, way }) {
			Object.assign(touch(server, 'ready'), { era, revision, way });
		},
		listed(server, toolCount) {
			touch(server, 'ready').toolCount = toolCount;
		},
		answered: (server) => void touch(server, 'ready'),
		failed(server, error) {
			const code = errorCode(error);
			if (!FAULTS.has(code)) return;
			const state = touch(server, 'failing');
			// That a server is left alone for a while says less than why.
			if (code === 'PC_UPSTREAM_STARTING' && state.lastError !== undefined) return;
			state.lastError = Object.freeze({ code: code as ErrorCode, at: now() });
		},
		retire(next) {
			for (const [key, { server }] of entries) if (!hasSame(next, server)) entries.delete(key);
		},
	};
}

function keyOf({ workspaceId, slug, revision }: Server): string {
	return JSON.stringify([workspaceId, slug, revision]);
}

// The revision is of the workspace too.
function hasSame({ workspaces }: Snapshot, { workspace, slug, revision }: Server): boolean {
	return workspaces.get(workspace)?.servers.get(slug)?.revision === revision;
}
