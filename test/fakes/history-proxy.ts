import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { PgConnection } from '../../src/store/embedded/start-cluster.ts';

/** A moment while records are shipped: seen before the bytes go on to the other side. */
export type ShippingStep = 'inserting' | 'committing' | 'committed';

/** A TCP port before the Unix socket of a database, which sees what passes and can lose it. */
export interface DatabaseProxy {
	/** Address of the database for this login. */
	urlFor(login: PgConnection): string;
	/** Told of each moment of shipping, until told otherwise; what it does happens before the bytes go on. */
	watch(onStep: ((step: ShippingStep) => void) | undefined): void;
	/** Ends all connections, with what is on its way in them, and takes no others. */
	cut(): void;
	restore(): void;
	close(): Promise<void>;
}

interface State {
	readonly path: string;
	readonly open: Set<Socket>;
	isCut: boolean;
	onStep: ((step: ShippingStep) => void) | undefined;
}

/** Starts one before this database, on a free port of 127.0.0.1. */
export async function startDatabaseProxy({ host, port }: PgConnection): Promise<DatabaseProxy> {
	const state: State = { path: `${host}/.s.PGSQL.${port}`, open: new Set(), isCut: false, onStep: undefined };
	const endAll = (): void => {
		for (const socket of state.open) socket.destroy();
	};
	const server = createServer((client) => (state.isCut ? client.destroy() : pass(state, client)));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const own = (server.address() as AddressInfo).port;
	return {
		urlFor: ({ user, password, database }) => `postgres://${user}:${password}@127.0.0.1:${own}/${database}`,
		watch(onStep) {
			state.onStep = onStep;
		},
		cut() {
			state.isCut = true;
			endAll();
		},
		restore() {
			state.isCut = false;
		},
		close: () => end(server, endAll),
	};
}

function pass(state: State, client: Socket): void {
	const database = connect(state.path);
	let last: ShippingStep | undefined;
	const tell = (step: ShippingStep): void => {
		last = step;
		state.onStep?.(step);
	};
	client.on('data', (bytes) => {
		if (bytes.includes('insert into portcullis.audit_event')) tell('inserting');
		else if (last === 'inserting' && bytes.includes('commit\0')) tell('committing');
		if (!client.destroyed) database.write(bytes);
	});
	database.on('data', (bytes) => {
		if (last === 'committing') tell('committed');
		if (!client.destroyed) client.write(bytes);
	});
	tie(state, client, database);
	tie(state, database, client);
}

function tie({ open }: State, socket: Socket, other: Socket): void {
	open.add(socket);
	socket.setNoDelay(true);
	socket.on('error', () => undefined);
	socket.on('close', () => {
		open.delete(socket);
		other.destroy();
	});
}

function end(server: Server, endAll: () => void): Promise<void> {
	return new Promise((resolve) => {
		server.close(() => resolve());
		endAll();
	});
}
