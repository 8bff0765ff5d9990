import { execFileSync } from 'node:child_process';
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Log } from '../../src/observe/log.ts';
import { type EmbeddedOptions, type EmbeddedPostgres, startEmbedded } from '../../src/store/embedded/start-embedded.ts';
import { until } from '../e2e/failure-calls.ts';
import { openFolder } from '../fakes/postgres.ts';
import { ask, serversOn, startGatewayLike } from './embedded-gateway.ts';

const linux = it.runIf(process.platform === 'linux');
const isRoot = process.getuid?.() === 0;
const SETPRIV = '/usr/bin/setpriv';
/** The capability CAP_DAC_READ_SEARCH alone, as /proc has it. */
const READ_SEARCH = '0{15}4';
/** What Docker leaves root. */
const CONTAINER_CAPABILITIES = [
	...['chown', 'dac_override', 'fowner', 'fsetid', 'kill', 'setgid', 'setuid', 'setpcap', 'net_bind_service'],
	...['net_raw', 'sys_chroot', 'mknod', 'audit_write', 'setfcap'],
].join(',+');

describe('the database of its own, while it runs', () => {
	const lines: unknown[] = [];
	let folder: string;
	let running: EmbeddedPostgres;
	beforeAll(async () => {
		folder = openFolder('portcullis-own-');
		const write = (...line: unknown[]): void => void lines.push(line);
		const log = { debug: write, info: write, warn: write, error: write } as unknown as Log;
		running = await startEmbedded({ folder, log });
	});
	afterAll(async () => {
		await running.close();
		rmSync(folder, { recursive: true });
	});

	it('has three roles that stand under row security, and belongs to the first', async () => {
		const { connections, superuser, version } = running;
		expect(version).toMatch(/^18\./);
		const roles = 'select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolinherit from pg_roles';
		const plain = { rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false };
		expect(await ask(superuser, `${roles} where rolname like 'portcullis%' order by rolname`)).toEqual([
			{ rolname: 'portcullis_app', ...plain, rolinherit: false },
			{ rolname: 'portcullis_owner', ...plain, rolinherit: true },
			{ rolname: 'portcullis_platform', ...plain, rolinherit: false },
		]);
		for (const connection of Object.values(connections)) {
			const [who] = await ask(connection, 'select current_user as user, current_database() as database');
			expect(who).toEqual({ user: connection.user, database: 'portcullis' });
			await expect(ask({ ...connection, database: 'postgres' }, 'select 1')).rejects.toMatchObject({ code: '42501' });
		}
		await ask(connections.owner, 'create schema portcullis');
		await expect(ask(connections.app, 'create schema mine')).rejects.toMatchObject({ code: '42501' });
		await expect(ask(connections.app, 'set role portcullis_owner')).rejects.toMatchObject({ code: '42501' });
	});

	it('speaks UTF-8, sorts by code point, sums its pages, and waits for the disk', async () => {
		const { superuser } = running;
		const names = [
			'server_encoding',
			'lc_collate',
			'data_checksums',
			'fsync',
			'full_page_writes',
			'synchronous_commit',
		];
		const shown = await ask(
			superuser,
			`select name, setting from pg_settings where name in (${names.map((name) => `'${name}'`)}) union all
			select 'lc_collate', datcollate from pg_database where datname = 'portcullis'`,
		);
		expect(Object.fromEntries(shown.map(({ name, setting }) => [name, setting]))).toEqual({
			server_encoding: 'UTF8',
			lc_collate: 'C',
			data_checksums: 'on',
			fsync: 'on',
			full_page_writes: 'on',
			synchronous_commit: 'on',
		});
	});

	it('lets nobody in without a password, the superuser and its own account included', async () => {
		const { superuser, connections } = running;
		for (const each of [superuser, connections.owner]) {
			await expect(ask({ ...each, password: '' }, 'select 1')).rejects.toThrow();
			await expect(ask({ ...each, password: 'postgres' }, 'select 1')).rejects.toMatchObject({ code: '28P01' });
		}
	});

	linux('opens no TCP port, and its socket stands in a folder of its account alone', async () => {
		const { pid, connections } = running;
		const links = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
		const sockets = links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
		const internet = ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((kind) => inodes(`/proc/net/${kind}`));
		expect(sockets.length).toBeGreaterThan(0);
		expect(sockets.filter((inode) => internet.includes(inode))).toEqual([]);
		const { mode, uid } = statSync(connections.app.host);
		expect(mode & 0o777).toBe(0o700);
		expect(uid).toBe(statSync(join(folder, 'postgres', 'data')).uid);
		expect(uid === 0).toBe(false);
	});

	it('puts no password in an argument, an environment, a file or the log', async () => {
		const { superuser, connections, pid } = running;
		await expect(ask(connections.app, "select 'canary-value'::uuid")).rejects.toThrow('canary-value');
		const processes = execFileSync('ps', ['axww', '-o', 'args='], { encoding: 'utf8' });
		const environment = process.platform === 'linux' ? readFileSync(`/proc/${pid}/environ`, 'utf8') : '';
		const files = texts(join(folder, 'postgres')).join('\n');
		const places = { processes, environment, files, lines: JSON.stringify(lines) };
		expect(files).toContain('PostgreSQL');
		expect(lines.length).toBeGreaterThan(0);
		for (const [place, text] of Object.entries(places)) {
			for (const { password } of [superuser, ...Object.values(connections)]) {
				expect(text.includes(password), `a password in ${place}`).toBe(false);
			}
		}
		expect(processes).not.toContain('SCRAM-SHA-256$');
		expect(places.lines).not.toContain('canary-value');
		expect(environment.split('\0').filter(Boolean).sort()).toEqual(
			process.platform === 'linux' ? ['LC_ALL=C', expect.stringMatching(/^PATH=/), 'TZ=UTC'] : [],
		);
	});
});

describe('the database of its own, from start to start', () => {
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

	const start = async (options: Partial<EmbeddedOptions> = {}): Promise<EmbeddedPostgres> => {
		running = await startEmbedded({ folder, durability: 'fast', ...options });
		return running;
	};
	const home = (): string => join(folder, 'postgres');

	it('keeps its rows over a restart, and forgets its passwords', async () => {
		const first = await start();
		await ask(first.connections.owner, 'create table public.note as select 42 as number');
		await first.close();
		expect(await first.exited).toEqual({ code: 0, signal: null });
		const second = await start();
		expect(await ask(second.connections.owner, 'select number from public.note')).toEqual([{ number: 42 }]);
		for (const role of ['owner', 'app', 'platform'] as const) {
			const former = { ...second.connections[role], password: first.connections[role].password };
			await expect(ask(former, 'select 1')).rejects.toMatchObject({ code: '28P01' });
		}
		const former = { ...second.superuser, password: first.superuser.password };
		await expect(ask(former, 'select 1')).rejects.toMatchObject({ code: '28P01' });
	});

	it('puts its socket among the temporary files when the name of its folder is too long for one', async () => {
		const deep = join(folder, 'x'.repeat(100));
		mkdirSync(deep, { mode: 0o711 });
		const { connections, close } = await start({ folder: deep });
		expect(connections.app.host.startsWith(tmpdir())).toBe(true);
		expect(statSync(connections.app.host).mode & 0o777).toBe(0o700);
		expect(await ask(connections.app, 'select 1 as one')).toEqual([{ one: 1 }]);
		await close();
		expect(existsSync(connections.app.host)).toBe(false);
	});

	it('lives in a folder with blanks, commas and quotes in its name', async () => {
		const odd = join(folder, "a, b 'c' (d)");
		const { connections } = await start({ folder: odd });
		expect(connections.app.host.startsWith(folder)).toBe(true);
		expect(await ask(connections.app, 'select 1 as one')).toEqual([{ one: 1 }]);
	});

	it('is reachable for its account under a strict umask', async () => {
		const umask = process.umask(0o077);
		try {
			const { connections } = await start({ folder: join(folder, 'data') });
			expect(await ask(connections.app, 'select 1 as one')).toEqual([{ one: 1 }]);
		} finally {
			process.umask(umask);
		}
	});

	it.each(['a"b', 'a$b', 'a`b', 'a\\b'])('refuses a folder that initdb would hand to a shell: %s', async (name) => {
		await expect(start({ folder: join(folder, name) })).rejects.toMatchObject({
			code: 'PC_STORE_START_FAILED',
			message: expect.stringContaining('set PORTCULLIS_DATA'),
		});
	});

	it('makes again what an earlier start left half made', async () => {
		mkdirSync(join(home(), 'data.making', 'base'), { recursive: true, mode: 0o711 });
		writeFileSync(join(home(), 'data.making', 'PG_VERSION'), '18\n');
		mkdirSync(join(home(), 'programs.making', 'bin'), { recursive: true });
		mkdirSync(join(home(), 'programs-17.0.0'));
		const { connections } = await start();
		expect(await ask(connections.app, 'select 1 as one')).toEqual([{ one: 1 }]);
		const left = readdirSync(home()).filter((name) => !/^(programs-18|run-)/.test(name));
		expect(left.sort()).toEqual(['data', 'pg_hba.conf']);
	});

	it('copies its programs again when a loss of power cut the copy off', async () => {
		await (await start()).close();
		const [programs = ''] = readdirSync(home()).filter((name) => name.startsWith('programs-'));
		truncateSync(join(home(), programs, 'bin', 'postgres'));
		rmSync(join(home(), programs, 'lib'), { recursive: true });
		const { connections } = await start();
		expect(await ask(connections.app, 'select 1 as one')).toEqual([{ one: 1 }]);
	});

	it('refuses data of another major version, and says so', async () => {
		await (await start()).close();
		writeFileSync(join(home(), 'data', 'PG_VERSION'), '15\n');
		await expect(start()).rejects.toMatchObject({
			code: 'PC_STORE_START_FAILED',
			message: expect.stringContaining('is of PostgreSQL 15, which PostgreSQL 18.'),
		});
	});

	it('fails with the last words of PostgreSQL when its data is damaged', async () => {
		await (await start()).close();
		rmSync(join(home(), 'data', 'global', 'pg_control'));
		await expect(start()).rejects.toMatchObject({
			code: 'PC_STORE_START_FAILED',
			message: expect.stringContaining('pg_control'),
		});
	});

	describe.runIf(isRoot && existsSync(SETPRIV))('for root, below a folder that is closed to its account', () => {
		const close = (): string => {
			const closed = join(folder, 'closed');
			mkdirSync(closed, { mode: 0o700 });
			return closed;
		};

		it('is let through, and can be started again without a word', async () => {
			const closed = close();
			for (let round = 0; round < 2; round++) {
				const { connections, pid } = await start({ folder: join(closed, 'data') });
				expect(await ask(connections.app, 'select 1 as one')).toEqual([{ one: 1 }]);
				expect([statSync(closed).uid, statSync(closed).mode & 0o777]).toEqual([0, 0o700]);
				const status = readFileSync(`/proc/${pid}/status`, 'utf8');
				expect(status).toMatch(new RegExp(`^Uid:\\s+${statSync(join(closed, 'data/postgres/data')).uid}\\s`, 'm'));
				for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) {
					expect(status).toMatch(new RegExp(`^${set}:\\s+${READ_SEARCH}$`, 'm'));
				}
				await running?.close();
			}
		});

		it('is let through by what root has in a container, and dies with a gateway that is killed', async () => {
			const closed = close();
			const gateway = startGatewayLike(join(closed, 'data'), [`--bounding-set=-all,+${CONTAINER_CAPABILITIES}`]);
			await gateway.until('wrote', 1);
			expect(readFileSync(`/proc/${gateway.said.pid}/status`, 'utf8')).toMatch(/^CapPrm:\s+0{15}2$/m);
			await gateway.kill();
			await until(() => serversOn(join(closed, 'data/postgres/data')).length === 0);
		});

		it('names that folder where root itself has no right to let it through', async () => {
			const closed = close();
			const gateway = startGatewayLike(join(closed, 'data'), ['--bounding-set=-dac_read_search,-dac_override']);
			await expect(gateway.until('wrote', 1)).rejects.toThrow('ended before');
			expect(gateway.errors()).toContain(`cannot pass the folder ${closed};`);
		});
	});

	it('gives a start up when told to, and can be started again', async () => {
		const abort = new AbortController();
		const begun = start({ signal: abort.signal });
		const watch = setInterval(() => {
			if (existsSync(join(home(), 'data.making', 'PG_VERSION'))) abort.abort(new Error('enough'));
		}, 1);
		await expect(begun).rejects.toThrow();
		clearInterval(watch);
		expect(existsSync(join(home(), 'data'))).toBe(false);
		const { connections } = await start();
		expect(await ask(connections.app, 'select 1 as one')).toEqual([{ one: 1 }]);
	});
});

function linkOf(path: string): string {
	try {
		return readlinkSync(path);
	} catch {
		return '';
	}
}

/** Inode numbers of the sockets in a table of /proc/net. */
function inodes(table: string): string[] {
	if (!existsSync(table)) return [];
	return readFileSync(table, 'utf8')
		.split('\n')
		.slice(1)
		.flatMap((line) => line.trim().split(/\s+/)[9] ?? []);
}

/** The bytes of every file of the database, as text. */
function texts(folder: string): string[] {
	return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
		const path = join(folder, entry.name);
		if (entry.isDirectory()) return entry.name.startsWith('programs-') ? [] : texts(path);
		return entry.isFile() ? [readFileSync(path, 'latin1')] : [];
	});
}
