import type { Identity } from '../lib/principal-key.ts';
import type { CallTemplate, Secret, SecretTemplate } from '../lib/secret.ts';
import type { ClientFeature } from '../mcp/client-features.ts';
import type { OAuthSettings } from './oauth-settings.ts';

/** What a principal may do in a workspace, weakest first. */
export type AccessLevel = 'read' | 'write' | 'admin';

/** An Entra tenant (or another issuer with Entra-shaped tokens) whose access tokens are accepted. */
export interface Directory {
	readonly id: string;
	/** Exact `iss` of its tokens; `{tid}` in the file has been replaced by `tenantId`. */
	readonly issuer: string;
	readonly tenantId: string;
	/** Accepted `aud` values, compared exactly. */
	readonly audiences: readonly string[];
	readonly jwksUrl: string;
	/** Exact `iss` of its version 1 tokens; they are refused where it is absent. */
	readonly v1Issuer?: string;
	/** Applications (`azp`, `appid`) whose tokens are accepted; any where it is absent. */
	readonly clientApps?: readonly string[];
	/**
	 * What clients ask the directory for, such as `api://gateway/mcp.access`; a delegated token has one of them. Any scope
	 * will do where it is absent.
	 */
	readonly scopes?: readonly string[];
	/** Whether people whose home is another directory are accepted; they are where it is absent. */
	readonly guests?: 'allow' | 'deny';
	/** How groups are looked up that a token could not hold; they stay unknown where it is absent. */
	readonly graph?: GraphAccess;
	/** How its people sign in with a browser; where it is absent they cannot. */
	readonly signIn?: SignInAccess;
}

/** The web client with which people of a directory sign in at the pages for people. */
export interface SignInAccess {
	readonly clientId: string;
	/** `undefined` where the reference leads nowhere in this process: then nobody of the directory can sign in. */
	readonly clientSecret: Secret | undefined;
	readonly authorizeUrl: string;
	readonly tokenUrl: string;
	/** Exact `iss` of its ID tokens, where that is not the issuer of the directory. */
	readonly idTokenIssuer?: string;
	/** Name of the directory on the page where somebody chooses one; its id where it is absent. */
	readonly title?: string;
}

/** How group memberships are looked up at Microsoft Graph, by an application of the directory's own. */
export interface GraphAccess {
	readonly clientId: string;
	/** `undefined` where the reference leads nowhere in this process: then nobody's groups can be looked up. */
	readonly clientSecret: Secret | undefined;
	readonly tokenUrl: string;
	/** Origin of Microsoft Graph, which differs between clouds. */
	readonly baseUrl: string;
}

/** Maps a group (object id or name) or an app role of a directory to an access level in a workspace. */
export interface GrantRule {
	/** `grants[3]`: where the rule stands in the file, for explanations. */
	readonly name: string;
	/** Directory id the rule is about; `undefined` only while there is a single directory. */
	readonly directory: string | undefined;
	readonly match: { readonly claim: 'group' | 'role'; readonly value: string };
	/** Workspace slug, or `*` for every workspace. */
	readonly workspace: string;
	readonly level: AccessLevel;
}

/** What a workspace says about one tool of one server. Absent fields keep the server's default. */
export interface ToolRule {
	readonly enabled: boolean;
	/** Lowest access level that may see and call the tool; on top of the read rule, never instead of it. */
	readonly minimumLevel: AccessLevel;
	/** Admin's mark that `read` may use the tool although it does not say `readOnlyHint: true`. */
	readonly readable: boolean;
	/** Shown to callers in place of the server's own description. */
	readonly description: string | undefined;
	/** SHA-256 in hex of the definition that was looked at; the tool is refused while the server gives another one. */
	readonly definitionDigest: string | undefined;
}

/** Reached over the network: Streamable HTTP or the older HTTP+SSE. */
export interface NetworkTransport {
	readonly kind: 'http' | 'sse';
	/** `undefined`: nobody signs in for it. */
	readonly oauth?: OAuthSettings;
	/** With a word in place of each named secret, where `urlTemplate` has some. */
	readonly url: string;
	/** How the address of a call is made; `undefined`: it is `url`. */
	readonly urlTemplate: CallTemplate | undefined;
	/** Header name (lower case) → template; rendered for each call by `credentials/`. */
	readonly headers: ReadonlyMap<string, CallTemplate>;
}

/** A program that the operator has installed (`portcullis runtime install`), by what it is and not by where it lies. */
export interface RuntimeProgram {
	/** What runs it: Node, uv, docker or podman, or nothing: a program of the machine. */
	readonly runner: 'npm' | 'uvx' | 'container' | 'binary';
	/** Name at the registry of its runner, or of the program. */
	readonly package: string;
	/** The exact one; absent of a binary alone. */
	readonly version?: string | undefined;
	/** Program of the package, where it has several or another name. */
	readonly program?: string | undefined;
	/** Where uv takes it from, when that is not the registry. */
	readonly source?: string | undefined;
	/** Lowest version of Node it runs on. */
	readonly minNode?: string | undefined;
}

/** A child process that speaks JSON lines on stdin and stdout. */
export interface StdioTransport {
	readonly kind: 'stdio';
	/** Empty where `runtime` says what is run. */
	readonly command: string;
	/** What is run instead of a command that the operator wrote. */
	readonly runtime: RuntimeProgram | undefined;
	readonly args: readonly string[];
	readonly cwd: string | undefined;
	/** The only variables the child gets besides PATH, HOME, LANG, TZ and TMPDIR. */
	readonly env: ReadonlyMap<string, CallTemplate>;
}

/** A service that says with an OpenAPI document what it can do: mcpo, or any other. */
export interface OpenApiTransport {
	readonly kind: 'openapi';
	/** Address of the document, or of the service with `openapi.json` below it. */
	readonly url: string;
	/** Where the operations are; `undefined`: as the document says, at the origin of `url`. */
	readonly baseUrl: string | undefined;
	/** Which operations are tools, by id or as `METHOD /path`, `*` for anything; `undefined`: all. */
	readonly operations: readonly string[] | undefined;
	/** As of `NetworkTransport`. */
	readonly headers: ReadonlyMap<string, CallTemplate>;
}

/** How an upstream server is reached. */
export type Transport = NetworkTransport | OpenApiTransport | StdioTransport;

/** Time and size limits towards one server, milliseconds and bytes. */
export interface UpstreamLimits {
	readonly connectMs: number;
	/** Until a started program has answered the first time. */
	readonly startMs: number;
	/** Until the first byte of an answer. */
	readonly firstByteMs: number;
	/** Between two bytes of a streamed answer. */
	readonly idleMs: number;
	/** Whole call. */
	readonly totalMs: number;
	/** One result, all frames together. */
	readonly resultBytes: number;
	/** One SSE event or stdio line. */
	readonly frameBytes: number;
	/** An idle stdio child is stopped after this time. */
	readonly childIdleMs: number;
	/** Cached lists older than this are refreshed in the background. */
	readonly listAgeMs: number;
	/** How long a question of the server waits for the caller's answer. */
	readonly questionMs: number;
	/** Calls under way at a time, in one process. */
	readonly concurrency: number;
}

/** Whose credential a server may be called with. */
export const CREDENTIAL_USES = ['none', 'workspace', 'principal', 'principal-or-workspace'] as const;

/** One of them. */
export type CredentialUse = (typeof CREDENTIAL_USES)[number];

/** What a kept credential is: named secrets, tokens of OAuth, or the word of where the secret lies. */
export type CredentialKind = 'values' | 'oauth' | 'reference';

/** Whether a credential can be used, or somebody has to look after it. */
export type CredentialState = 'ok' | 'needs-attention';

/** A credential that is kept: which, and nothing that could be used. */
export interface KeptCredential {
	readonly id: string;
	/** Counts what people change; that a token was refreshed is no such change. */
	readonly version: number;
	readonly kind: CredentialKind;
	readonly state: CredentialState;
}

/** An MCP server configured in a workspace. */
export interface Server {
	/** Slug of its workspace. */
	readonly workspace: string;
	/** Id of its workspace; stays when the slug is given to another workspace. */
	readonly workspaceId: string;
	readonly slug: string;
	readonly title: string;
	readonly enabled: boolean;
	/**
	 * Why the server cannot be used in this process, such as a secret that cannot be found; then nobody may use it.
	 * `undefined`: nothing is known to be wrong.
	 */
	readonly fault: string | undefined;
	/**
	 * Changes whenever the way the server is reached and spoken to does, or its secrets or its workspace do; part of every
	 * cache key. Title and tool rules take no part: they are read at each list and call, and end nothing.
	 */
	readonly revision: string;
	readonly transport: Transport;
	/** Which protocol to speak upstream; `auto` probes (mcp: basic/versioning). */
	readonly era: 'auto' | 'modern' | 'legacy';
	/** `shared`: one upstream session for the workspace. `principal`: one for each person. */
	readonly isolation: 'shared' | 'principal';
	/** Whose credential it is called with. */
	readonly credential: CredentialUse;
	/** What the server may ask of the caller's client, where the client can. */
	readonly clientFeatures: readonly ClientFeature[];
	/** Rules by the upstream's own tool name. */
	readonly toolRules: ReadonlyMap<string, ToolRule>;
	/** Whether a tool without a rule is enabled. */
	readonly toolsEnabledByDefault: boolean;
	readonly limits: UpstreamLimits;
}

/** What happens to a call whose audit record cannot be kept: refused, or let through and the gap counted. */
export type AuditMode = 'strict' | 'best-effort';

/** A named selection of tools of one workspace. */
export interface Toolset {
	readonly slug: string;
	readonly title: string;
	/** Names the servers give their tools, by slug of the server; in slug order. */
	readonly tools: ReadonlyMap<string, ReadonlySet<string>>;
}

/** How many calls pass: `perMinute` on average, `burst` of them at once. */
export interface RateLimit {
	readonly perMinute: number;
	readonly burst: number;
}

/** Limits of calls to the servers of a workspace; what is absent is unlimited. */
export interface RateLimits {
	/** All calls together. */
	readonly workspace: RateLimit | undefined;
	/** Each person. */
	readonly principal: RateLimit | undefined;
	/** Each key. */
	readonly key: RateLimit | undefined;
	/** Each tool that `tools` does not name. */
	readonly tool: RateLimit | undefined;
	/** By `server/tool`. */
	readonly tools: ReadonlyMap<string, RateLimit>;
	/** Calls from one midnight UTC to the next. */
	readonly daily: { readonly workspace: number | undefined; readonly principal: number | undefined };
}

/** How the tools of a workspace are shown as an OpenAPI service, where callers of mcpo differ in what they need. */
export interface OpenApiSettings {
	/** `strict`: as mcpo 0.0.20, with what it loses and how it words the failure of a tool. */
	readonly mcpo: 'fixed' | 'strict';
	/** Whether `"7"` is taken for 7 where a tool wants a number. */
	readonly coercion: 'allow' | 'deny';
	/** Whether a tool may answer with a page, which Open WebUI shows within the chat. */
	readonly embeds: 'allow' | 'deny';
}

/** The unit of isolation. */
export interface Workspace {
	/** Never given to another workspace; the slug where there is no store. */
	readonly id: string;
	readonly slug: string;
	readonly title: string;
	readonly auditMode: AuditMode;
	/** `undefined`: nothing is limited. */
	readonly rateLimits: RateLimits | undefined;
	readonly openApi: OpenApiSettings;
	/** By slug, in slug order. */
	readonly servers: ReadonlyMap<string, Server>;
	/** By slug, in slug order. */
	readonly toolsets: ReadonlyMap<string, Toolset>;
}

/** What one person, named by identity, holds in a workspace. */
export interface Membership {
	/** Slug of the workspace. */
	readonly workspace: string;
	readonly level: AccessLevel;
	/** For display alone; empty where nobody gave one. */
	readonly name: string;
}

/** Whom a key speaks for: one person, a program by itself, or whoever an Open WebUI instance names. */
export type ApiKeyKind = 'personal' | 'service' | 'open-webui';

/** A key of one workspace. Its text is nowhere; `digest` finds it. */
export interface ApiKey {
	readonly id: string;
	/** SHA-256 in hex of the key. */
	readonly digest: string;
	/** Slug of its workspace. */
	readonly workspace: string;
	readonly workspaceId: string;
	readonly kind: ApiKeyKind;
	/** For display alone. */
	readonly name: string;
	/** The most it gives. */
	readonly level: AccessLevel;
	/** Whose it is; of personal ones alone. */
	readonly owner: Identity | undefined;
	/** Slugs of the only servers it is for; `undefined`: all of the workspace. */
	readonly servers: readonly string[] | undefined;
	/** The only networks it may come from; `undefined`: any. */
	readonly networks: readonly string[] | undefined;
	/** When it ends, milliseconds since 1970; `undefined`: when it is revoked. */
	readonly expiresAt: number | undefined;
	/** Of a key of Open WebUI: how far the word of which instance goes; `undefined` of any other. */
	readonly openWebUi: OpenWebUiTrust | undefined;
}

/** How far an Open WebUI instance is believed about who is asking. */
export interface OpenWebUiTrust {
	/** Id of the instance. */
	readonly instance: string;
	/** Whether its headers are believed without a signature; needs networks. */
	readonly plain: boolean;
	/** Whether people may be found by the e-mail address they have there. */
	readonly linkByEmail: boolean;
}

/** An Open WebUI that signs who is asking. */
export interface OpenWebUiInstance {
	readonly title: string;
	/** Its `FORWARD_USER_INFO_HEADER_JWT_SECRET`, at least 32 bytes. */
	readonly secret: SecretTemplate;
}

/** Somebody of an Open WebUI instance, as the directory knows them. */
export interface LinkedPerson extends Identity {
	/** For display alone. */
	readonly name: string;
}

/** Limits of what callers may send, bytes and counts. */
export interface EdgeLimits {
	readonly bodyBytes: number;
	readonly jsonDepth: number;
	readonly jsonNodes: number;
	readonly batchMessages: number;
	/** How long an aggregated list waits for an upstream it has no answer of, milliseconds. */
	readonly listDeadlineMs: number;
	/** How long a stop waits for calls in flight, milliseconds. */
	readonly drainMs: number;
	/** How long a call of an OpenAPI address may take, milliseconds. */
	readonly openApiCallMs: number;
}

/** Names under which the gateway answers, against DNS rebinding. */
export interface PublicNames {
	/** Origin the outside world uses, without a trailing slash; `undefined`: taken from the allowed Host header. */
	readonly url: string | undefined;
	/** Allowed `Host` values besides loopback ones, lower case. */
	readonly hosts: ReadonlySet<string>;
	/** Allowed `Origin` values besides the gateway's own. */
	readonly origins: ReadonlySet<string>;
}

/**
 * The configuration at one moment: immutable, swapped as a whole. The hot path reads nothing else. The file loader
 * builds it today; the store will build the same.
 */
export interface Snapshot {
	/** Grows by one with each swap in this process. */
	readonly version: number;
	readonly directories: readonly Directory[];
	readonly grantRules: readonly GrantRule[];
	/** By `Principal.key`; of each person in slug order. */
	readonly memberships: ReadonlyMap<string, readonly Membership[]>;
	/** Keys of all workspaces by `ApiKey.digest`: beside the workspaces, so that a new key ends no stream of anybody else. */
	readonly apiKeys: ReadonlyMap<string, ApiKey>;
	/** Credentials that are kept, by `credentialKey`: which there are, and nothing that could be used. */
	readonly credentials: ReadonlyMap<string, KeptCredential>;
	/** Instances of Open WebUI by id. */
	readonly openWebUi: ReadonlyMap<string, OpenWebUiInstance>;
	/** Who people of those instances are, in each workspace by itself; by `linkKey`. */
	readonly openWebUiLinks: ReadonlyMap<string, LinkedPerson>;
	/** By slug, in slug order. */
	readonly workspaces: ReadonlyMap<string, Workspace>;
	readonly limits: EdgeLimits;
	readonly names: PublicNames;
}

/** Told of a swap after it. */
export type SwapListener = (next: Snapshot, previous: Snapshot) => void;

/**
 * Where stages read the current snapshot. What is the same in two snapshots (a workspace, the directories, …) is the same
 * object in both.
 */
export interface SnapshotSource {
	current(): Snapshot;
	onChange(listener: SwapListener): void;
}
