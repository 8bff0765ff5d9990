import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { rootCertificates } from 'node:tls';
import { buildConnector } from 'undici';
import { PortcullisError } from '../../errors/portcullis-error.ts';
import type { AllowList } from './allow-list.ts';
import { createIsPublicAddress } from './is-public-address.ts';

/** Every address of a name, of both families; rejects when there is none. */
export type ResolveName = (name: string) => Promise<readonly string[]>;

/** What a guarded connector is made of. */
export interface GuardedConnectParts {
	readonly allowList: AllowList;
	readonly resolve: ResolveName;
	/** For looking the name up, and again for connecting, milliseconds. */
	readonly connectMs: number;
	/** Authorities that are trusted besides the system's own, as PEM. */
	readonly authorities: readonly string[];
}

/** Asks as every program of this machine does: the file of hosts, then the name servers. */
export const resolveBySystem: ResolveName = async (name) => {
	const found = await lookup(name, { all: true });
	return found.map(({ address }) => address);
};

/** Where a connection is to lead. */
interface Place {
	/** A name or an address, without brackets. */
	readonly host: string;
	readonly port: number;
	readonly isEncrypted: boolean;
}

/**
 * A connector for undici that judges a place by its addresses and connects to those it has judged: the name is asked
 * for once for each connection, so an answer that changes meanwhile (DNS rebinding) changes nothing. One address that
 * may not be reached refuses the whole name.
 */
export function createGuardedConnect(parts: GuardedConnectParts): buildConnector.connector {
	const judge = createJudge(parts.allowList);
	return (options, callback) => {
		const isEncrypted = options.protocol === 'https:';
		const port = Number(options.port || (isEncrypted ? 443 : 80));
		const connect = async (): Promise<void> => {
			const place = { host: options.hostname, port, isEncrypted };
			const addresses = await addressesOf(place.host, parts);
			if (!addresses.length || !judge(place, addresses)) throw refused('address');
			connectorTo(addresses, parts)(options, callback);
		};
		connect().catch((error: Error) => callback(error, null));
	};
}

/** A destination that is refused; `detail` is one word for the log. */
export function refused(detail: string): PortcullisError {
	return new PortcullisError('PC_EGRESS_REFUSED', { detail });
}

type Judge = (place: Place, addresses: readonly string[]) => boolean;

function createJudge({ hasHost, hasAddress }: AllowList): Judge {
	const isPublic = createIsPublicAddress();
	return ({ host, port, isEncrypted }, addresses) => {
		if (hasHost(host, port)) return true;
		return addresses.every((address) => hasAddress(address) || (isEncrypted && isPublic(address)));
	};
}

async function addressesOf(host: string, { resolve, connectMs }: GuardedConnectParts): Promise<readonly string[]> {
	if (isIP(host) !== 0) return [host];
	let timer: NodeJS.Timeout | undefined;
	const tooLong = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new PortcullisError('PC_EGRESS_TIMEOUT', { detail: 'name' })), connectMs);
	});
	// A name that does not exist is refused like one that may not be reached: nobody learns which names there are.
	const found = resolve(host).catch(() => {
		throw refused('name');
	});
	return Promise.race([found, tooLong]).finally(() => clearTimeout(timer));
}

function connectorTo(
	addresses: readonly string[],
	{ connectMs, authorities }: GuardedConnectParts,
): buildConnector.connector {
	const found = addresses.map((address) => ({ address, family: isIP(address) }));
	const pinned: LookupFunction = (_name, { all }, done) => {
		const [first] = found;
		if (all) done(null, found);
		else done(null, first?.address ?? '', first?.family);
	};
	return buildConnector({
		lookup: pinned,
		timeout: connectMs,
		maxCachedSessions: 0,
		...(authorities.length > 0 && { ca: [...rootCertificates, ...authorities] }),
	});
}
