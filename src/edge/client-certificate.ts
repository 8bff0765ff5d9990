import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../identity/presented.ts';

/** The client certificate of a connection; looked at once for each, however many requests it carries. */
export type CertificateOf = (socket: Socket) => ClientCertificate | undefined;

/** Builds it. */
export function createCertificateOf(): CertificateOf {
	const known = new WeakMap<Socket, ClientCertificate>();
	return (socket) => {
		const certificate = known.get(socket) ?? read(socket);
		if (certificate !== undefined) known.set(socket, certificate);
		return certificate;
	};
}

function read(socket: Socket): ClientCertificate | undefined {
	const shown = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
	if (shown === undefined) return undefined;
	return { isVerified: (socket as TLSSocket).authorized, names: namesIn(shown.subjectAltName ?? '') };
}

// Node quotes and escapes a name that holds a comma or a quote, since CVE-2021-44532; an honest edge has no such name.
function namesIn(alternativeNames: string): readonly string[] {
	return alternativeNames.includes('"') ? [] : alternativeNames.split(', ').filter((name) => name !== '');
}
