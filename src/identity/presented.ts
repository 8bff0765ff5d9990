/** What a request is judged by before any of it is read: its headers, and the connection it came on. */
export interface Presented {
	/** The flat name/value list of node:http, in which a repeated header still shows. */
	readonly rawHeaders: readonly string[];
	/** IP address of the peer as its socket names it; empty where it has gone already. */
	readonly remoteAddress: string;
}
