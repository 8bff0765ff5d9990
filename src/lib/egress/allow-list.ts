import { createIsWithin, networkFault } from '../networks.ts';

/** What the operator lets the gateway reach beyond the public internet, and without TLS. */
export interface AllowList {
	/** Whether the host was named, alone or with this port: whatever its addresses are. */
	hasHost(host: string, port: number): boolean;
	/** Whether the address is in a network that was named. */
	hasAddress(address: string): boolean;
}

interface Host {
	readonly name: string;
	/** `undefined`: every port. */
	readonly port: number | undefined;
}

/** What is wrong with an entry; `undefined`: nothing. */
export function allowFault(entry: string): string | undefined {
	if (entry.includes('/')) return networkFault(entry);
	if (networkFault(entry) === undefined || readHost(entry) !== undefined) return undefined;
	return 'write a host, host:port or a network';
}

/** Reads entries once, to be asked often; entries with faults allow nothing. */
export function createAllowList(entries: readonly string[]): AllowList {
	const sound = entries.filter((entry) => allowFault(entry) === undefined);
	const isNetwork = (entry: string): boolean => networkFault(entry) === undefined;
	const hosts = sound.flatMap((entry) => (isNetwork(entry) ? [] : (readHost(entry) ?? [])));
	return {
		hasHost: (host, port) => hosts.some((known) => known.name === plainName(host) && (known.port ?? port) === port),
		hasAddress: createIsWithin(sound.filter(isNetwork)),
	};
}

/** A host name as it is compared: in lower case, without the dot of the root and the brackets of IPv6. */
function plainName(host: string): string {
	return host.toLowerCase().replace(/^\[|\]$|\.$/g, '');
}

function readHost(entry: string): Host | undefined {
	const [, name = '', port] = /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/.exec(entry) ?? [];
	const url = `https://${name}:${port ?? '443'}/`;
	if (name === '' || port === '0' || !URL.canParse(url)) return undefined;
	return { name: plainName(new URL(url).hostname), port: port === undefined ? undefined : Number(port) };
}
