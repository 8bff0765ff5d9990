import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PgConnection } from '../../src/store/embedded/start-cluster.ts';

/** A way to a database that can be taken away and given back. */
export interface CutDatabase {
	/** The same connection, through here. */
	through(connection: PgConnection): PgConnection;
	/** Cuts every connection and refuses new ones. */
	cut(): Promise<void>;
	restore(): Promise<void>;
	/** Bytes that clients have sent to the database since the start. */
	sentBytes(): number;
	close(): Promise<void>;
}

/** Puts a Unix socket in front of the database's own. */
export async function openCutDatabase({ host, port }: PgConnection): Promise<CutDatabase> {
	const folder = mkdtempSync(join(tmpdir(), 'portcullis-cut-'));
	const path = join(folder, `.s.PGSQL.${port}`);
	const open = new Set<Socket>();
	let sent = 0;
	let server: Server | undefined;
	const connectBoth = (client: Socket): void => {
		const upstream = createConnection(join(host, `.s.PGSQL.${port}`));
		for (const socket of [client, upstream]) {
			open.add(socket);
			socket.on('error', () => undefined);
			socket.on('close', () => {
				open.delete(socket);
				client.destroy();
				upstream.destroy();
			});
		}
		client.on('data', (chunk: Buffer) => {
			sent += chunk.length;
		});
		client.pipe(upstream).pipe(client);
	};
	const restore = (): Promise<void> =>
		new Promise((resolve, reject) => {
			server = createServer(connectBoth).once('error', reject).listen(path, resolve);
		});
	const cut = async (): Promise<void> => {
		const closing = server;
		server = undefined;
		for (const socket of open) socket.destroy();
		if (closing !== undefined) await new Promise((resolve) => closing.close(resolve));
	};
	await restore();
	return {
		through: (connection) => ({ ...connection, host: folder }),
		cut,
		restore,
		sentBytes: () => sent,
		async close() {
			await cut();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}
