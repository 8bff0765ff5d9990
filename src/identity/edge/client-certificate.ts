import type { ClientCertificateEdge } from '../../config/listeners.ts';
import { refusedProof } from './edge-refusal.ts';
import type { Proves } from './header-edge.ts';

/** Proof by the TLS client certificate of the connection: of an accepted authority, with one of the pinned names. */
export function createClientCertificateProof({ names }: ClientCertificateEdge): Proves {
	const pinned = new Set(names.map(normal));
	return ({ via: { certificate } }) => {
		if (certificate === undefined) return 'absent';
		if (!certificate.isVerified) throw refusedProof('the client certificate is of no accepted authority, or not valid');
		if (!certificate.names.some((name) => pinned.has(normal(name)))) {
			throw refusedProof('the client certificate has none of the pinned names');
		}
		return 'proven';
	};
}

// Host names have no case (RFC 4343); addresses do.
function normal(name: string): string {
	return name.startsWith('DNS:') ? `DNS:${name.slice(4).toLowerCase()}` : name;
}
