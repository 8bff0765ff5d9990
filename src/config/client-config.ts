import { isRecord } from './cross-faults.ts';

/** An MCP server as the configuration of a client or of mcpo describes it. */
export interface ClientServer {
	/** As it is called there. */
	readonly name: string;
	readonly endpoint: ClientEndpoint;
	/** Names of tools that are not to be offered. */
	readonly disabledTools: readonly string[];
	/** What stands there and means nothing here, in a sentence each. */
	readonly notes: readonly string[];
}

/** How such a server is reached. */
export type ClientEndpoint =
	| {
			readonly kind: 'stdio';
			readonly command: string;
			readonly args: readonly string[];
			readonly env: Readonly<Record<string, string>>;
			readonly cwd: string | undefined;
	  }
	| { readonly kind: 'http' | 'sse'; readonly url: string; readonly headers: Readonly<Record<string, string>> };

/** The servers of a file, and what is wrong with others, in mcpo's words where it has some. */
export interface ClientConfig {
	readonly servers: readonly ClientServer[];
	readonly faults: readonly string[];
}

type Entry = Readonly<Record<string, unknown>>;

/** Spellings of transports; mcpo and the clients have not agreed on one. */
const KINDS: ReadonlyMap<unknown, ClientEndpoint['kind']> = new Map<unknown, ClientEndpoint['kind']>([
	['stdio', 'stdio'],
	['sse', 'sse'],
	...['http', 'streamable-http', 'streamable_http', 'streamablehttp', 'streamableHttp'].map(
		(name) => [name, 'http'] as const,
	),
]);

/**
 * Reads what mcpo, Claude Desktop and Cursor call `mcpServers` and VS Code `servers`. Servers that cannot be understood are
 * faults; the others are read all the same.
 */
export function readClientConfig(config: unknown): ClientConfig {
	const entries = isRecord(config) ? (config['mcpServers'] ?? config['servers']) : undefined;
	if (!isRecord(entries)) return { servers: [], faults: ["No 'mcpServers' found in config file."] };
	const servers: ClientServer[] = [];
	const faults: string[] = [];
	for (const [name, entry] of Object.entries(entries)) {
		const read = readServer(name, isRecord(entry) ? entry : {});
		if (typeof read === 'string') faults.push(read);
		else servers.push(read);
	}
	return { servers, faults };
}

function readServer(name: string, entry: Entry): ClientServer | string {
	const endpoint = readEndpoint(name, entry);
	if (typeof endpoint === 'string') return endpoint;
	const disabled = entry['disabledTools'] ?? entry['disabled_tools'] ?? [];
	if (!Array.isArray(disabled)) return `Server '${name}' 'disabledTools' must be a list`;
	if (!disabled.every((tool) => typeof tool === 'string')) {
		return `Server '${name}' 'disabledTools' must contain only strings`;
	}
	return { name, endpoint, disabledTools: disabled, notes: notesOf(entry) };
}

function readEndpoint(name: string, entry: Entry): ClientEndpoint | string {
	const type = entry['type'] ?? entry['transport'];
	// As mcpo: a command makes it stdio, an address without a type is of the older kind.
	const kind = entry['command'] !== undefined ? 'stdio' : (KINDS.get(type) ?? (type === undefined ? 'sse' : undefined));
	if (kind === 'stdio') return readProgram(name, entry);
	const url = entry['url'] ?? entry['serverUrl'];
	if (kind === undefined || (type === undefined && url === undefined)) {
		return `Server '${name}' must have either 'command' for stdio or 'type' and 'url' for remote servers`;
	}
	if (typeof url !== 'string' || url === '') return `Server '${name}' of type '${String(type)}' requires a 'url' field`;
	return { kind, url, headers: textsOf(entry['headers']) };
}

function readProgram(name: string, entry: Entry): ClientEndpoint | string {
	const { command, args = [], cwd } = entry;
	if (typeof command !== 'string') return `Server '${name}' 'command' must be a string`;
	if (!Array.isArray(args)) return `Server '${name}' 'args' must be a list`;
	return {
		...{ kind: 'stdio', command, args: args.map(String), env: textsOf(entry['env']) },
		cwd: typeof cwd === 'string' ? cwd : undefined,
	};
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
	const entries = isRecord(value) ? Object.entries(value) : [];
	return Object.fromEntries(entries.map(([name, text]) => [name, String(text)]));
}

const MEANINGLESS: Readonly<Record<string, string>> = {
	oauth: '"oauth" is not carried over: mcpo signed in once for everybody; here each person connects for themselves.',
	client_header_forwarding: '"client_header_forwarding" is not carried over: mcpo never sent those headers either.',
	envFile: '"envFile" is not read: put its variables into "env".',
	autoApprove: '"autoApprove" is a matter of the client.',
	alwaysAllow: '"alwaysAllow" is a matter of the client.',
	timeout: '"timeout" is not carried over: see "limits".',
};

function notesOf(entry: Entry): readonly string[] {
	return Object.entries(MEANINGLESS).flatMap(([member, note]) => (entry[member] === undefined ? [] : [note]));
}
