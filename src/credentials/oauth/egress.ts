/** What the guard of outgoing requests takes, as far as OAuth needs it. */
export interface EgressRequest {
	readonly method: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body?: string;
	readonly signal?: AbortSignal;
	readonly timeoutMs: number;
	readonly mostBytes: number;
}

/** The guard of outgoing requests. */
export interface Egress {
	request(
		url: string,
		request: EgressRequest,
	): Promise<{
		readonly status: number;
		readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
		readonly text: string;
	}>;
}
