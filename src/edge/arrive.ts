import type { IncomingMessage } from 'node:http';
import type { ListenerSettings } from '../config/listeners.ts';
import { createIsWithin } from '../lib/networks.ts';
import { type CertificateOf, createCertificateOf } from './client-certificate.ts';
import { dropForeignHeaders } from './identity-headers.ts';
import { present } from './presented.ts';
import { remoteAddressOf } from './remote-address.ts';

/** A public listener, as far as arriving there goes. */
export interface Entrance extends Pick<ListenerSettings, 'name' | 'trustedProxies'> {
	/** Headers that its edge says with who somebody is, lower case; `undefined` where no edge may. */
	readonly reads: ReadonlySet<string> | undefined;
}

/** The first thing that happens to a request, and the only one that depends on where it came in. */
export type Arrive = (request: IncomingMessage) => void;

const NOTHING: ReadonlySet<string> = new Set<string>([]);

/** Builds it for one listener: forged identities go, and where and how the request came in is written down. */
export function createArrive({ name, trustedProxies, reads }: Entrance): Arrive {
	const isProxy = createIsWithin(trustedProxies);
	const certificateOf: CertificateOf = createCertificateOf();
	return (request) => {
		dropForeignHeaders(request, reads ?? NOTHING);
		const { rawHeaders, socket, method = '', url: target = '' } = request;
		const peer = socket.remoteAddress ?? '';
		const remoteAddress = trustedProxies.length === 0 ? peer : remoteAddressOf(peer, rawHeaders, isProxy);
		if (reads === undefined) return present(request, { rawHeaders, remoteAddress });
		const via = { listener: name, method, target, certificate: certificateOf(socket) };
		present(request, { rawHeaders, remoteAddress, via });
	};
}
