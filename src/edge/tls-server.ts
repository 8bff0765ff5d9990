import type { RequestListener, ServerOptions } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TlsFiles } from '../config/listeners.ts';
import { readTlsFiles, type TlsMaterial } from '../config/tls-files.ts';

const HANDSHAKE_MS = 10_000;

/** What a TLS server is made of. */
export interface TlsServing {
	readonly files: TlsFiles;
	/**
	 * What is done about a client certificate where authorities are named: a connection without one of theirs is refused,
	 * or it is made and what its requests may say is judged later.
	 */
	readonly clients: 'verified' | 'judged-later';
	readonly options: ServerOptions;
}

/** An HTTP server over TLS. */
export interface TlsServer {
	readonly server: Server;
	/** Takes the files as they are now for new connections; goes on as before, and tells, when they cannot be used. */
	reload(onFault: (message: string) => void): void;
	/** Cuts every connection, those in their handshake included. */
	cut(): void;
}

/** Builds a server for TLS 1.2 and later. Throws when the files cannot be used. */
export function createTlsServer({ files, clients, options }: TlsServing, handler: RequestListener): TlsServer {
	const tls = {
		minVersion: 'TLSv1.2',
		ALPNProtocols: ['http/1.1'],
		handshakeTimeout: HANDSHAKE_MS,
		requestCert: files.clientCaFile !== undefined,
		rejectUnauthorized: files.clientCaFile !== undefined && clients === 'verified',
	} as const;
	const server = createServer({ ...options, ...tls, ...materialOf(files) }, handler);
	// node:http knows of a connection from its first request on.
	const sockets = new Set<Socket>();
	server.on('connection', (socket: Socket) => {
		sockets.add(socket);
		socket.once('close', () => sockets.delete(socket));
	});
	return {
		server,
		reload(onFault) {
			try {
				server.setSecureContext({ ...tls, ...materialOf(files) });
			} catch (error) {
				onFault((error as Error).message);
			}
		},
		cut() {
			for (const socket of sockets) socket.destroy();
		},
	};
}

function materialOf(files: TlsFiles): TlsMaterial {
	const material = readTlsFiles(files);
	if ('message' in material) throw new Error(`${files[material.file]} ${material.message}`);
	return material;
}
