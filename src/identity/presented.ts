/** What a request is judged by before any of it is read: its headers, and the connection it came on. */
export interface Presented {
	/** The flat name/value list of node:http, in which a repeated header still shows. */
	readonly rawHeaders: readonly string[];
	/**
	 * IP address of the caller: of the peer as its socket names it, or the one that a trusted proxy tells; empty where the
	 * peer has gone already.
	 */
	readonly remoteAddress: string;
	/** Set where an edge may vouch for its callers, and nowhere else. */
	readonly via?: Via;
}

/** How a request came in through a listener with an edge in front of it. */
export interface Via {
	/** Name of the listener. */
	readonly listener: string;
	/** HTTP method and request target, as sent. */
	readonly method: string;
	readonly target: string;
	/** The TLS client certificate of the connection; `undefined` where none was shown. */
	readonly certificate: ClientCertificate | undefined;
}

/** A TLS client certificate, as far as it decides who somebody is. */
export interface ClientCertificate {
	/** Whether one of the accepted authorities issued it, for clients, and it was valid when the connection was made. */
	readonly isVerified: boolean;
	/** Subject alternative names, such as `DNS:edge.example.com`; none where they cannot be told apart for certain. */
	readonly names: readonly string[];
}
