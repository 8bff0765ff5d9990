import type { Principal } from '../../identity/principal.ts';

/** Names one server: slugs of its workspace and of itself. */
export interface ServerName {
	readonly workspace: string;
	readonly server: string;
}

/** How somebody gives a server its credential: by signing in at the service, or by entering values. */
export type ConnectionWay = 'oauth' | 'values';

/** A server and the credential that one person, or the workspace through them, has for it. Never a value of it. */
export interface Connection extends ServerName {
	/** What people call the server and its workspace. */
	readonly title: string;
	readonly workspaceTitle: string;
	/** Whose credential this is about: the person's own, or the one everybody of the workspace calls with. */
	readonly whose: 'principal' | 'workspace';
	readonly way: ConnectionWay;
	/** Names of the values that `setValues` takes; empty where one signs in. */
	readonly asks: readonly string[];
	readonly state: 'none' | 'ok' | 'needs-attention';
	/** The account at the service, where it says; text of a foreign service. */
	readonly connectedAs: string | undefined;
	/** Milliseconds since 1970. */
	readonly since: number | undefined;
	/** When the connection ends by itself, milliseconds since 1970; `undefined` where it is renewed or lasts. */
	readonly expiresAt: number | undefined;
	/** A sentence for the person: what is wrong and what to do. */
	readonly needsAttention: string | undefined;
}

/**
 * The connections of people, for the pages where they are made. `person` is whoever the browser proved to be; a server
 * they may not use is as unknown to them as one that does not exist (PC_ADDRESS_UNKNOWN).
 */
export interface Connections {
	/** Every server the person may connect, in order of workspace and server. */
	list(person: Principal): Promise<readonly Connection[]>;
	/**
	 * Begins a sign-in at the service: the address to send the browser to. `browserSession` is the secret id of the
	 * browser's session, without which nobody can finish it.
	 */
	begin(person: Principal, server: ServerName, browserSession: string): Promise<{ readonly url: string }>;
	/** The way back: the query the browser came to `/oauth/callback` with. */
	finish(query: URLSearchParams, browserSession: string, person: Principal): Promise<Connection>;
	/** Forgets the credential here, and revokes it at the service where that can be done. */
	disconnect(person: Principal, server: ServerName): Promise<void>;
	/** Keeps values that the person entered, such as a key of their own. */
	setValues(person: Principal, server: ServerName, values: Readonly<Record<string, string>>): Promise<void>;
}
