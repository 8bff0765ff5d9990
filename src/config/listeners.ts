/** How an edge signs what it says of a caller (RFC 7518 §3.1). */
export type EdgeAlgorithm = (typeof EDGE_ALGORITHMS)[number];

/** All of them; each is asymmetric, so that whoever can check an assertion cannot make one. */
export const EDGE_ALGORITHMS = ['RS256', 'PS256', 'ES256'] as const;

interface Vouching {
	/** Ids of the directories whose people the edge may vouch for. */
	readonly directories: readonly string[];
}

/** A signed assertion for each request, in `X-Edge-Assertion`. */
export interface AssertionEdge extends Vouching {
	readonly mechanism: 'assertion';
	/** Exact `iss` and `aud` of its assertions. */
	readonly issuer: string;
	readonly audience: string;
	readonly algorithms: readonly EdgeAlgorithm[];
	/** Where its keys are; `undefined` where they are given. */
	readonly jwksUrl: string | undefined;
	/** SPKI in PEM. */
	readonly publicKeys: readonly string[];
}

/** An app-only access token of the edge itself in `X-Edge-Authorization`, beside the identity headers. */
export interface ManagedIdentityEdge extends Vouching {
	readonly mechanism: 'managed-identity';
	/** Id of the directory that the edge signs in with. */
	readonly directory: string;
	/** `azp` or `appid` of the edge. */
	readonly applications: readonly string[];
	/** `oid` of the edge. */
	readonly objects: readonly string[];
}

/** A TLS client certificate of the edge, beside the identity headers. */
export interface ClientCertificateEdge extends Vouching {
	readonly mechanism: 'client-certificate';
	/** Alternative names of which the certificate must have one: `DNS:…` or `URI:…`. */
	readonly names: readonly string[];
}

/** A secret that the edge and the gateway share, beside the identity headers. */
export interface SharedSecretEdge extends Vouching {
	readonly mechanism: 'shared-secret';
	/** Lower case. */
	readonly header: string;
	/** SHA-256 in hex of each value that is accepted; the values themselves are not kept. */
	readonly digests: readonly string[];
}

/** How an edge in front of the gateway proves what it says of its callers. */
export type EdgeMechanism = AssertionEdge | ManagedIdentityEdge | ClientCertificateEdge | SharedSecretEdge;

/** Files of a TLS listener, by absolute path, PEM. */
export interface TlsFiles {
	readonly certFile: string;
	readonly keyFile: string;
	/** Issuers of client certificates; `undefined`: none is asked for. */
	readonly clientCaFile: string | undefined;
}

/** One public listener besides the main one. */
export interface ListenerSettings {
	readonly name: string;
	readonly host: string;
	/** 0 takes any free one. */
	readonly port: number;
	readonly tls: TlsFiles | undefined;
	/** Networks whose `X-Forwarded-For` is believed. */
	readonly trustedProxies: readonly string[];
	/** `undefined`: nobody but the caller's own bearer says who they are. */
	readonly edge: EdgeMechanism | undefined;
}
