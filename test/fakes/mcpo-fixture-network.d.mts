/** What the fixture wants in `Authorization`. */
export const FIXTURE_KEY: string;

/** The fixture server over the network. */
export interface McpoFixture {
	readonly httpUrl: string;
	readonly sseUrl: string;
	close(): Promise<void>;
}

/** Starts it on a free port of this machine. */
export function startMcpoFixture(): Promise<McpoFixture>;

/** mcpo's file with the fixture as `files` (stdio), `events` (HTTP+SSE) and `stream` (Streamable HTTP). */
export function mcpoConfigOf(
	fixture: Pick<McpoFixture, 'httpUrl' | 'sseUrl'>,
	program: string,
): { readonly mcpServers: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
