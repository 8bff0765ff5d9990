import { LRUCache } from 'lru-cache';
import type { Server, Snapshot } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Principal } from '../identity/principal.ts';
import { type ScopeKey, scopeKey } from '../lib/scope.ts';
import type { Secret } from '../lib/secret.ts';
import { type Choice, chooseCredential, type Whose } from './choose-credential.ts';
import { connectRequired, type LinkFor } from './connect-required.ts';
import type { AnswerRefusal, Refusal } from './oauth/answer-refusal.ts';
import type { OpenCredential } from './open-credential.ts';
import { type Rendered, renderCredential } from './render-credential.ts';

/** Which credential a call is made with; no part of its value. */
export interface CredentialIdentity {
	/** Says in the audit which credential it was, and whose: `principal:google/jira#8c6f…`. */
	readonly id: string;
	/** Scope of everything that this credential may share: pool, session, child process, cached lists. */
	readonly key: ScopeKey;
}

/** The credential of one call, rendered. Lives only between this stage and the upstream; never logged. */
export interface Attached extends CredentialIdentity {
	/** Headers for network transports, by lower-case name. The object stays while a token in it is renewed. */
	readonly headers: Readonly<Record<string, string>>;
	/** Variables for stdio children. */
	readonly env: Readonly<Record<string, string>>;
	/** Address of the call, where values of the credential are part of it. */
	readonly url?: string | undefined;
	/** Told when the server refuses the credential (401, 403); what to tell the caller, where something helps. */
	readonly refused?: ((refusal: Refusal) => PortcullisError | undefined) | undefined;
}

/**
 * Chooses and renders the credential that (principal, server) calls with; at once where it is at hand. Throws or rejects
 * with PC_CREDENTIAL_MISSING, PC_CONNECT_REQUIRED, and what the keeper of the secret says.
 */
export type AttachCredential = (principal: Principal, server: Server) => Attached | Promise<Attached>;

/** A connection whose access token is wanted. */
export interface TokenTarget {
	readonly key: ScopeKey;
	readonly workspaceId: string;
	readonly credentialId: string;
	readonly version: number;
}

/** Gives the access token of a connection; at once where a good one is at hand. */
export type TokenFor = (target: TokenTarget) => Secret | Promise<Secret>;

/** What the stage is made of. */
export interface CredentialsParts {
	readonly current: () => Pick<Snapshot, 'credentials' | 'names'>;
	/** Absent where nothing is kept. */
	readonly open?: OpenCredential | undefined;
	readonly tokenFor?: TokenFor | undefined;
	/** What is done about a refused access token. */
	readonly answerRefusal?: AnswerRefusal | undefined;
	readonly linkFor?: LinkFor | undefined;
	/** Milliseconds on a clock that never runs backwards. */
	readonly now?: () => number;
}

/** The stage, and what else asks about credentials. */
export interface Credentials {
	readonly attach: AttachCredential;
	/** Which credential it would be; opens nothing. Throws as `attach` where there is none. */
	identify(principal: Principal, server: Server): CredentialIdentity;
	/** Forgets every credential whose scope is not kept. */
	retire(isKept: (key: ScopeKey) => boolean): void;
}

interface Held {
	readonly attached: Attached & { readonly headers: Record<string, string> };
	readonly freshUntil: number;
	/** The token that is in the headers, of a connection. */
	readonly token: Secret | undefined;
}

type Kept = Extract<Choice, { kind: 'kept' }>;

interface Wanted extends CredentialIdentity {
	readonly server: Server;
	readonly choice: Kept;
}

const MOST_HELD = 10_000;
/** A secret that nobody uses is not kept in memory, milliseconds. */
const IDLE_MS = 15 * 60_000;
/** Nobody waits longer for a secret; whoever goes away meanwhile does not end the reading. */
const OPENING_MS = 20_000;

/** Builds the stage. */
export function createCredentials(parts: CredentialsParts): Credentials {
	const { current, tokenFor, now = () => performance.now() } = parts;
	const attachStatic = createAttachStatic();
	const held = new LRUCache<ScopeKey, Held>({ max: MOST_HELD, ttl: IDLE_MS, updateAgeOnGet: true });
	const opening = new Map<ScopeKey, Promise<Attached>>();

	const hold = (
		wanted: Wanted,
		rendered: Rendered & Pick<Attached, 'refused'>,
		fresh: Omit<Held, 'attached'>,
	): Attached => {
		const before = held.get(wanted.key)?.attached;
		// Sessions that are open read their headers here: they get the renewed token, too.
		const headers = Object.assign(before?.headers ?? {}, rendered.headers);
		const { id, key } = wanted;
		const attached = { id, key, ...rendered, headers };
		held.set(key, { ...fresh, attached });
		return attached;
	};
	const holdToken = (wanted: Wanted, token: Secret): Attached => {
		const rendered = renderCredential(wanted.server.transport, { token });
		const refused = refusalOf(parts, wanted, () => held.get(wanted.key)?.token);
		return hold(wanted, { ...rendered, refused }, { token, freshUntil: Number.POSITIVE_INFINITY });
	};
	const open = async (wanted: Wanted): Promise<Attached> => {
		if (parts.open === undefined) throw notKept();
		const { workspace, workspaceId } = wanted.server;
		const name = { workspace, workspaceId, id: wanted.choice.credential.id };
		const { values, validMs } = await parts.open(name, AbortSignal.timeout(OPENING_MS));
		const rendered = renderCredential(wanted.server.transport, values);
		return hold(wanted, rendered, { token: undefined, freshUntil: now() + validMs });
	};
	const openOnce = (wanted: Wanted): Promise<Attached> => once(opening, wanted.key, () => open(wanted));
	const attachToken = (wanted: Wanted): Attached | Promise<Attached> => {
		if (tokenFor === undefined) throw notKept();
		const token = tokenFor(targetOf(wanted));
		if (token instanceof Promise) return token.then((renewed) => holdToken(wanted, renewed));
		const known = held.get(wanted.key);
		return known?.token === token ? known.attached : holdToken(wanted, token);
	};
	return {
		attach(principal, server) {
			const choice = chooseCredential(current(), principal, server);
			if (choice.kind === 'static') return attachStatic(principal, server);
			if (choice.kind === 'missing') throw missing(parts, { principal, server, whose: choice.whose });
			const wanted = { server, choice, ...identityOf(server, principal, choice) };
			if (choice.credential.kind === 'oauth') return attachToken(wanted);
			const known = held.get(wanted.key);
			return known !== undefined && now() < known.freshUntil ? known.attached : openOnce(wanted);
		},
		identify(principal, server) {
			const choice = chooseCredential(current(), principal, server);
			if (choice.kind === 'missing') throw missing(parts, { principal, server, whose: choice.whose });
			return identityOf(server, principal, choice);
		},
		retire(isKept) {
			for (const key of held.keys()) if (!isKept(key)) held.delete(key);
		},
	};
}

/** Rendered once for each definition: the map is weak, so a replaced one takes its secrets with it. */
function createAttachStatic(): (principal: Principal, server: Server) => Attached {
	const fixed = new WeakMap<Server, Attached>();
	return (principal, server) => {
		const known = fixed.get(server) ?? { ...identityOf(server, null), ...renderCredential(server.transport) };
		fixed.set(server, known);
		return server.isolation === 'shared' ? known : { ...known, key: identityOf(server, principal).key };
	};
}

// One for all who wait; nobody's going away ends it.
function once<T>(running: Map<ScopeKey, Promise<T>>, key: ScopeKey, begin: () => Promise<T>): Promise<T> {
	const known = running.get(key) ?? begin().finally(() => running.delete(key));
	running.set(key, known);
	return known;
}

// `sent` gives the token in the headers by then, which need not be the one they began with.
function refusalOf(
	{ answerRefusal }: CredentialsParts,
	wanted: Wanted,
	sent: () => Secret | undefined,
): Attached['refused'] {
	return (refusal) => {
		const token = sent();
		return token && answerRefusal?.(targetOf(wanted), token, refusal);
	};
}

const notKept = (): PortcullisError => new PortcullisError('PC_CREDENTIAL_MISSING', { detail: 'nothing is kept here' });

interface Lacking {
	readonly principal: Principal;
	readonly server: Server;
	readonly whose: Whose;
}

function missing(parts: CredentialsParts, { principal, server, whose }: Lacking): PortcullisError {
	if (whose === 'principal') {
		return connectRequired(server, parts.linkFor?.(principal, server) ?? fallbackLink(parts.current()));
	}
	return new PortcullisError('PC_CREDENTIAL_MISSING', { detail: `${server.workspace}/${server.slug}` });
}

function fallbackLink({ names }: Pick<Snapshot, 'names'>): string | undefined {
	return names.url === undefined ? undefined : `${names.url}/connect`;
}

function targetOf({ key, server, choice }: Wanted): TokenTarget {
	const { id: credentialId, version } = choice.credential;
	return { key, workspaceId: server.workspaceId, credentialId, version };
}

const STATIC: Choice = Object.freeze({ kind: 'static' });

// The revision covers the fingerprints of the secrets that a definition refers to, so it is their version.
function identityOf(server: Server, principal: Principal | null, choice: Choice = STATIC): CredentialIdentity {
	const kept = choice.kind === 'kept' ? choice : undefined;
	const owner = kept?.whose ?? (server.credential === 'none' ? 'none' : 'workspace');
	const id = `${owner}:${server.workspace}/${server.slug}${kept === undefined ? '' : `#${kept.credential.id}`}`;
	const isPersonal = kept?.whose === 'principal' || server.isolation !== 'shared';
	const key = scopeKey({
		workspace: server.workspace,
		server: server.slug,
		revision: server.revision,
		credential: kept === undefined ? id : `${id}:${kept.credential.version}`,
		principal: isPersonal ? (principal?.key ?? null) : null,
	});
	return { id, key };
}
