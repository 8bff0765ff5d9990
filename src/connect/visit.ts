import type { Trail } from '../audit/trail.ts';
import type { SnapshotSource } from '../config/snapshot.ts';
import type { Connections, ServerName } from '../credentials/oauth/connections.ts';
import type { Visitor } from '../edge/visitor.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import type { Principal } from '../identity/principal.ts';
import { isForSignIn, type SignInDirectory } from '../identity/sign-in/sign-in-directory.ts';
import { type CookieKind, type CookieScheme, cookieText, readCookie } from './cookies.ts';
import type { ConnectLinks } from './links.ts';
import type { Page } from './pages/layout.ts';
import type { Session, Sessions } from './sessions.ts';

/** What the pages work with. */
export interface ConnectParts extends Pick<Authenticator, 'signIn' | 'principalOf'> {
	readonly snapshots: SnapshotSource;
	readonly connections: Connections;
	readonly sessions: Sessions;
	readonly links: ConnectLinks;
}

/** One request at one of the pages. */
export interface Visit {
	readonly visitor: Visitor;
	readonly trail: Trail;
	/** Origin under which people know the gateway. */
	readonly origin: string;
	readonly scheme: CookieScheme;
	/** Of whoever is signed in. */
	readonly session: Session | undefined;
	/** IP address of the browser. */
	readonly remoteAddress: string;
}

/** What a visit is answered with. */
export interface Shown {
	readonly status: number;
	readonly page?: Page;
	/** Another address of ours, or of a directory, to go on to. */
	readonly location?: string;
	readonly cookies?: readonly string[];
	/** A file, or a document for programs. */
	readonly file?: { readonly type: string; readonly body: string };
}

/** The scheme that cookies are kept for. Throws PC_CONNECT_INSECURE for http over a network. */
export function cookieSchemeOf(origin: string): CookieScheme {
	const { protocol, hostname } = new URL(origin);
	if (protocol === 'https:') return 'https';
	if (/^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})$/.test(hostname)) return 'loopback-http';
	throw new PortcullisError('PC_CONNECT_INSECURE');
}

/** The cookie of this kind that came along. */
export function cookieOf({ visitor, scheme }: Pick<Visit, 'visitor' | 'scheme'>, kind: CookieKind): string | undefined {
	return readCookie(visitor.request.rawHeaders, scheme, kind);
}

/** Has the browser keep a cookie for so long; it forgets one without a value. */
export function keepCookie({ scheme }: Visit, kind: CookieKind, value: string, seconds: number): string {
	return cookieText(value, { scheme, kind, seconds: value === '' ? 0 : seconds });
}

/** Directories at which people can sign in. Throws PC_CONNECT_NOT_SET_UP where there is none. */
export function signInDirectories({ snapshots }: ConnectParts): readonly SignInDirectory[] {
	const found = snapshots.current().directories.filter(isForSignIn);
	if (found.length === 0) throw new PortcullisError('PC_CONNECT_NOT_SET_UP');
	return found;
}

/** Whoever is signed in, by the configuration of now. Rejects with PC_SIGNED_OUT, or as groups cannot be known. */
export async function personOf({ principalOf }: ConnectParts, { session, trail }: Visit): Promise<Principal> {
	if (session === undefined) throw new PortcullisError('PC_SIGNED_OUT');
	const person = await principalOf(session.claims);
	const { issuer, tid, oid, vouchedBy } = person;
	trail.note({ principal: { issuer, tid, oid }, vouchedBy });
	return person;
}

/** Whether somebody may use a server at all, whatever it says of itself elsewhere. */
export function mayUse({ snapshots }: ConnectParts, person: Principal, { workspace, server }: ServerName): boolean {
	const grant = person.grants.get(workspace);
	const found = snapshots.current().workspaces.get(workspace);
	if (grant === undefined || found?.id !== grant.workspaceId) return false;
	return found.servers.has(server) && (grant.servers?.has(server) ?? true);
}
