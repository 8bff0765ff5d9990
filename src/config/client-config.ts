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

const NO_SERVERS = "No 'mcpServers' found in config file.";

/** Spellings of transports; mcpo and the clients have not agreed on one. */
const KINDS: ReadonlyMap<unknown, ClientEndpoint['kind']> = new Map<unknown, ClientEndpoint['kind']>([
	['stdio', 'stdio'],
	['sse', 'sse'],
	...['http', 'streamable-http', 'streamable_http', 'streamablehttp', 'streamableHttp'].map(
		(name) => [name, 'http'] as const,
	),
]);

/** How a server of this type is reached, in any of the spellings; `undefined`: nobody knows. */
export function kindOfType(type: unknown): ClientEndpoint['kind'] | undefined {
	return KINDS.get(type);
}

/**
 * Reads what mcpo, Claude Desktop and Cursor call `mcpServers` and VS Code `servers`. Servers that cannot be understood are
 * faults; the others are read all the same.
 */
export function readClientConfig(config: unknown): ClientConfig {
	const entries = isRecord(config) ? (config['mcpServers'] ?? config['servers']) : undefined;
	if (!isRecord(entries) || Object.keys(entries).length === 0) return { servers: [], faults: [NO_SERVERS] };
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
	const forwarding = forwardingFault(name, entry['client_header_forwarding'] ?? {});
	return forwarding ?? { name, endpoint, disabledTools: disabled, notes: notesOf(entry) };
}

function readEndpoint(name: string, entry: Entry): ClientEndpoint | string {
	const { command } = entry;
	const [type, url] = [entry['type'] ?? entry['transport'], entry['url'] ?? entry['serverUrl']];
	const kind = KINDS.get(type);
	// As mcpo: a type of the network comes first, then a command, then an address of the older kind.
	if (kind === 'http' || kind === 'sse') return readAddress(entry, { kind, url }) ?? urlMissing(name, type);
	if (isGiven(command)) return readProgram(name, entry);
	const older = isGiven(type) ? undefined : readAddress(entry, { kind: 'sse', url });
	return older ?? `Server '${name}' must have either 'command' for stdio or 'type' and 'url' for remote servers`;
}

// What Python counts as nothing, mcpo takes for absent.
const isGiven = (value: unknown): boolean =>
	Boolean(value) &&
	!(Array.isArray(value) && value.length === 0) &&
	!(isRecord(value) && Object.keys(value).length === 0);

const urlMissing = (name: string, type: unknown): string =>
	`Server '${name}' of type '${String(type)}' requires a 'url' field`;

function readAddress(
	entry: Entry,
	{ kind, url }: { readonly kind: 'http' | 'sse'; readonly url: unknown },
): ClientEndpoint | undefined {
	if (typeof url !== 'string' || url === '') return undefined;
	return { kind, url, headers: textsOf(entry['headers']) };
}

function readProgram(name: string, entry: Entry): ClientEndpoint | string {
	const { command, args, cwd } = entry;
	if (typeof command !== 'string') return `Server '${name}' 'command' must be a string`;
	if (isGiven(args) && !Array.isArray(args)) return `Server '${name}' 'args' must be a list`;
	return {
		...{ kind: 'stdio', command, args: Array.isArray(args) ? args.map(String) : [], env: textsOf(entry['env']) },
		cwd: typeof cwd === 'string' ? cwd : undefined,
	};
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
	const entries = isRecord(value) ? Object.entries(value) : [];
	return Object.fromEntries(entries.map(([name, text]) => [name, String(text)]));
}

/** What mcpo says of a `client_header_forwarding` that it cannot read. */
function forwardingFault(name: string, config: unknown): string | undefined {
	const about = `Server '${name}' client_header_forwarding`;
	if (!isGiven(config)) return undefined;
	if (!isRecord(config)) return `${about} must be a dictionary`;
	const { enabled = false, whitelist, blacklist, debug_headers = false } = config;
	if (typeof enabled !== 'boolean') return `${about}.enabled must be a boolean`;
	if (!enabled) return undefined;
	if (isGiven(whitelist) && !Array.isArray(whitelist)) return `${about}.whitelist must be a list`;
	if (isGiven(blacklist) && !Array.isArray(blacklist)) return `${about}.blacklist must be a list`;
	return typeof debug_headers === 'boolean' ? undefined : `${about}.debug_headers must be a boolean`;
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
