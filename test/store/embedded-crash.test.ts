import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chooseAccount } from '../../src/store/embedded/account.ts';
import { installPrograms } from '../../src/store/embedded/install-programs.ts';
import { ended, startProgram } from '../../src/store/embedded/run-program.ts';
import { type EmbeddedPostgres, startEmbedded } from '../../src/store/embedded/start-embedded.ts';
import { lockFolder } from '../../src/store/folder-lock.ts';
import { createStore } from '../../src/store/store.ts';
import { until } from '../e2e/failure-calls.ts';
import { isRunning } from '../e2e/operation-process.ts';
import { openFolder } from '../fakes/postgres.ts';
import { ask, serversOn, startGatewayLike } from './embedded-gateway.ts';

const ROUNDS = 5;
const NOBODY = '00000000-0000-0000-0000-000000000000';
const tied = it.runIf(existsSync('/usr/bin/setpriv'));

describe('the database of its own, after a crash', () => {
	let folder: string;
	let running: EmbeddedPostgres | undefined;
	beforeEach(() => {
		folder = openFolder('portcullis-own-');
	});
	afterEach(async () => {
		await running?.close();
		running = undefined;
		rmSync(folder, { recursive: true, force: true });
	});

	const start = async (): Promise<EmbeddedPostgres> => {
		running = await startEmbedded({ folder });
		return running;
	};
	const data = (): string => join(folder, 'postgres', 'data');
	const untilGone = async (pid: number): Promise<void> => {
		while (isRunning(pid)) await sleep(20);
	};

	it('starts a killed server again, and connections that were made before find it with every row', async () => {
		const database = await start();
		const store = createStore({ connections: database.connections });
		const run = (statement: string) => ask(database.connections.owner, statement);
		const read = () =>
			store.withWorkspace(NOBODY, 'test', (tx) => tx.query('select number from public.note order by number'));
		await run('create table public.note (number int)');
		await run('grant select on public.note to portcullis_app');
		const rows: object[] = [];
		for (const number of [1, 2, 3]) {
			await run(`insert into public.note values (${number})`);
			rows.push({ number });
			const { pid } = database;
			process.kill(pid, 'SIGKILL');
			await until(() => database.pid !== pid, 30_000);
			await until(() => read().then(Boolean, () => false));
			expect(await read()).toEqual(rows);
			expect(await ask(database.superuser, 'select 1 as one')).toEqual([{ one: 1 }]);
		}
		await store.close();
		await database.close();
		expect(await database.exited).toEqual({ code: 0, signal: null });
	});

	it('leaves a killed server dead when it is closed at the same moment', async () => {
		const database = await start();
		process.kill(database.pid, 'SIGKILL');
		await database.close();
		expect(await database.exited).toMatchObject({ signal: 'SIGKILL' });
		// A child that was just made shows its server's command line until it has one of its own, and outlives it a moment.
		await until(() => serversOn(data()).length === 0);
		await start();
		process.kill(running!.pid, 'SIGKILL');
		await until(() => serversOn(data()).length === 0);
		await running?.close();
		await until(() => serversOn(data()).length === 0);
	});

	tied('dies with a gateway that is killed, which loses no row it was told is safe', async () => {
		let wrote = 0;
		for (let round = 0; round < ROUNDS; round++) {
			const gateway = startGatewayLike(folder);
			await gateway.until('found');
			expect(gateway.said.found).toBeGreaterThanOrEqual(wrote);
			await gateway.until('wrote', gateway.said.found + 20 * (round + 1));
			expect(() => lockFolder(folder)).toThrow(expect.objectContaining({ code: 'PC_DATA_FOLDER_TAKEN' }));
			await gateway.kill();
			wrote = gateway.said.wrote;
			// Every other time the next one starts while the server is still going down.
			if (round % 2 === 0) await untilGone(gateway.said.pid);
		}
		const lock = lockFolder(folder);
		const { connections } = await start();
		const [found] = await ask(
			connections.owner,
			'select count(*)::int as count, max(number) as last from public.written',
		);
		expect(found).toEqual({ count: found?.['last'], last: expect.any(Number) });
		expect(found?.['last']).toBeGreaterThanOrEqual(wrote);
		lock.release();
	});

	it('loses no row when gateway and server are killed at once', async () => {
		const gateway = startGatewayLike(folder);
		await gateway.until('wrote', 100);
		process.kill(gateway.said.pid, 'SIGKILL');
		await gateway.kill();
		const { connections } = await start();
		const [found] = await ask(connections.owner, 'select count(*)::int as count from public.written');
		expect(found?.['count']).toBeGreaterThanOrEqual(gateway.said.wrote);
	});

	it('starts after a first start that was killed, whenever that was', async () => {
		for (const waitMs of [150, 300, 500, 700]) {
			const gateway = startGatewayLike(folder);
			await sleep(waitMs);
			await gateway.kill();
		}
		const { connections } = await start();
		expect(await ask(connections.app, 'select 1 as one')).toEqual([{ one: 1 }]);
	});

	it('ends a server that outlived its gateway', async () => {
		await (await start()).close();
		const account = chooseAccount(data());
		const orphan = startProgram(
			{
				path: installPrograms(join(folder, 'postgres')).postgres,
				args: ['-D', data(), '-c', 'listen_addresses=', '-c', `unix_socket_directories=${data()}`],
				dyingWith: 'INT',
			},
			{ account, cwd: join(folder, 'postgres'), tied: false },
		);
		const end = ended(orphan, 'exit');
		while (!existsSync(join(data(), '.s.PGSQL.5432'))) await sleep(20);
		const { connections } = await start();
		expect(await end).toMatchObject({ code: 0 });
		expect(await ask(connections.app, 'select 1 as one')).toEqual([{ one: 1 }]);
	});

	it('is not held up by the number of a dead server that is another program’s by now', async () => {
		await (await start()).close();
		const pidFile = join(data(), 'postmaster.pid');
		const { uid, gid } = statSync(data());
		const other = startProgram(
			{ path: '/bin/sleep', args: ['60'], dyingWith: 'TERM' },
			{ account: process.getuid?.() === 0 ? { name: '', uid, gid } : undefined, cwd: '/', tied: false },
		);
		writeFileSync(pidFile, `${other.pid}\n${data()}\n1700000000\n5432\n\n\n  1 1\n`);
		const { pid, connections } = await start();
		expect(await ask(connections.app, 'select 1 as one')).toEqual([{ one: 1 }]);
		expect(readFileSync(pidFile, 'utf8').split('\n')[0]).toBe(String(pid));
		expect(isRunning(other.pid!)).toBe(true);
		other.kill();
	});
});
