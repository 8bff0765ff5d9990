import { z } from 'zod';
import { PortcullisError } from '../../errors/portcullis-error.ts';
import { type AuthorizationServer, parseAuthorizationServer } from './authorization-server.ts';
import { type BearerChallenge, parseBearerChallenge } from './challenge.ts';
import type { OAuthFetch } from './egress-fetch.ts';
import { canonicalResource, coversServer, issuerMetadataUrls, resourceMetadataUrls } from './well-known.ts';

/** What is known of who issues tokens for a server. */
export interface ResourceFacts {
	/** Name of the server that its tokens are good for (RFC 8707). */
	readonly resource: string;
	/** Its authorization servers, in the order it names them. */
	readonly issuers: readonly string[];
	/** Scopes to ask for, by its challenge, else by its metadata; `undefined`: it names none. */
	readonly scopes: readonly string[] | undefined;
}

/** Finds out about servers and their authorization servers. */
export interface Discovery {
	/** Asks the server, without a credential. */
	resourceOf(server: URL, signal: AbortSignal): Promise<ResourceFacts>;
	/** The metadata of this issuer. */
	authorizationServer(issuer: string, signal: AbortSignal): Promise<AuthorizationServer>;
}

/** Most authorization servers that are looked at of one server. */
const MOST_ISSUERS = 8;

/** Builds it over the guarded way out. */
export function createDiscovery(fetch: OAuthFetch): Discovery {
	return {
		async resourceOf(server, signal) {
			const challenge = await challengeOf({ fetch, signal }, server);
			return readResource({ fetch, signal }, server, challenge);
		},
		async authorizationServer(issuer, signal) {
			if (!URL.canParse(issuer)) throw new PortcullisError('PC_OAUTH_METADATA', { detail: 'the issuer is no URL' });
			for (const url of issuerMetadataUrls(new URL(issuer))) {
				const document = await getJson({ fetch, signal }, url);
				if (document !== undefined) return parseAuthorizationServer(document, issuer);
			}
			throw new PortcullisError('PC_OAUTH_UNDISCOVERED', { detail: 'the issuer has no metadata' });
		},
	};
}

interface Asking {
	readonly fetch: OAuthFetch;
	readonly signal: AbortSignal;
}

const PROBE = JSON.stringify({
	jsonrpc: '2.0',
	id: 1,
	method: 'initialize',
	params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'portcullis', version: '0.1.0' } },
});

async function challengeOf({ fetch, signal }: Asking, server: URL): Promise<BearerChallenge | undefined> {
	const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
	const answer = await fetch(server.href, { method: 'POST', headers, body: PROBE, signal });
	return answer.status === 401 ? parseBearerChallenge(answer.headers.get('www-authenticate') ?? undefined) : undefined;
}

const RESOURCE = z.object({
	resource: z.string().max(2_048),
	authorization_servers: z.array(z.string().max(2_048)).optional(),
	scopes_supported: z.array(z.string().max(1_000)).max(1_000).optional(),
});

async function readResource(
	asking: Asking,
	server: URL,
	challenge: BearerChallenge | undefined,
): Promise<ResourceFacts> {
	const named = challenge?.resourceMetadata;
	for (const url of named === undefined ? resourceMetadataUrls(server) : [named]) {
		const document = await getJson(asking, url);
		if (document !== undefined) return factsOf(document, server, challenge?.scopes);
	}
	if (named !== undefined) {
		throw new PortcullisError('PC_OAUTH_UNDISCOVERED', { detail: 'the metadata that the server names is not there' });
	}
	// Servers of the revision before RFC 9728 are their own authorization server (mcp 2025-03-26: basic/authorization).
	return { resource: canonicalResource(server), issuers: [server.origin], scopes: challenge?.scopes };
}

function factsOf(document: unknown, server: URL, challenged: readonly string[] | undefined): ResourceFacts {
	const parsed = RESOURCE.safeParse(document);
	if (!parsed.success) throw unsafe('the metadata of the server lacks what it must hold');
	const { resource, authorization_servers, scopes_supported } = parsed.data;
	// A token for another resource is one that this server could use there (RFC 9728 §7.3).
	if (!coversServer(resource, server)) throw unsafe('the server calls itself by the address of another');
	const issuers = (authorization_servers ?? []).slice(0, MOST_ISSUERS);
	if (issuers.length === 0)
		throw new PortcullisError('PC_OAUTH_UNDISCOVERED', { detail: 'the server names no issuer' });
	const supported = scopes_supported?.length === 0 ? undefined : scopes_supported;
	return { resource, issuers, scopes: challenged ?? supported };
}

// What is not there may stand at the next address; a failure may pass, and must not make another address count.
async function getJson({ fetch, signal }: Asking, url: string): Promise<unknown> {
	if (!/^https?:\/\//i.test(url)) throw unsafe('an address of metadata is neither https nor http');
	const answer = await fetch(url, { method: 'GET', headers: { accept: 'application/json' }, signal });
	if (answer.status >= 500 || answer.status === 429) {
		throw new PortcullisError('PC_OAUTH_UNAVAILABLE', { detail: `metadata: HTTP ${answer.status}` });
	}
	if (answer.status !== 200) return undefined;
	const text = await answer.text();
	try {
		return JSON.parse(text) as unknown;
	} catch {
		return undefined;
	}
}

function unsafe(detail: string): PortcullisError {
	return new PortcullisError('PC_OAUTH_METADATA', { detail });
}
