import { readFile } from 'node:fs/promises';
import { type BridgeParts, type BridgeReading, bridgeFaults, bridgeSnapshot } from '../config/bridge-snapshot.ts';
import { type ClientServer, readClientConfig } from '../config/client-config.ts';
import { jsonFaultAt } from '../openapi/json-fault-at.ts';

/** What a file of mcpo says, as the bridge serves it. */
export interface ServersReading extends BridgeReading {
	/** What stands in the file and means nothing here, by server, in a sentence each. */
	readonly notes: readonly string[];
}

/** How a file is read. */
export type ReadServersOptions = BridgeParts;

/** A file that mcpo would not start with; the message is mcpo's, one line for each fault. */
export class ServersFaulty extends Error {
	override readonly name = 'ServersFaulty';
	readonly code = 'PC_CONFIG_INVALID';
}

/**
 * Reads the file that mcpo is given with `--config`. Rejects with `ServersFaulty` where it cannot be used as a whole. A file
 * that was used before may come to hold no servers at all: then none is served any more.
 */
export async function readServers(file: string, options: ReadServersOptions): Promise<ServersReading> {
	const value = parse(file, await readText(file));
	return readingOf(isEmptied(value, options) ? [] : serversIn(value), options);
}

/** The same for servers that no file names. Throws `ServersFaulty`. */
export function readingOf(servers: readonly ClientServer[], options: ReadServersOptions): ServersReading {
	const faults = servers.flatMap(bridgeFaults);
	if (faults.length > 0) throw new ServersFaulty(faults.join('\n'));
	const notes = servers.flatMap(({ name, notes: own }) => own.map((note) => `Server '${name}': ${note}`));
	return { ...bridgeSnapshot(servers, options), notes };
}

function serversIn(value: unknown): readonly ClientServer[] {
	const { servers, faults } = readClientConfig(value);
	if (faults.length > 0) throw new ServersFaulty(faults.join('\n'));
	return servers;
}

function isEmptied(value: unknown, { version }: ReadServersOptions): boolean {
	const servers = (value as { readonly mcpServers?: unknown } | null)?.mcpServers;
	return version > 1 && JSON.stringify(servers) === '{}';
}

async function readText(file: string): Promise<string> {
	try {
		return await readFile(file, 'utf8');
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		throw new ServersFaulty(code === 'ENOENT' ? `Config file not found: ${file}` : `${file} cannot be read (${code})`);
	}
}

// Not the message of JSON.parse, which may quote a secret of the file.
function parse(file: string, text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		const { at, error } = jsonFaultAt(text) ?? { at: 0, error: 'Expecting value' };
		const before = [...text].slice(0, at).join('').split('\n');
		const place = `line ${before.length} column ${[...(before.at(-1) ?? '')].length + 1} (char ${at})`;
		throw new ServersFaulty(`Invalid JSON in config file ${file}: ${error}: ${place}`);
	}
}
