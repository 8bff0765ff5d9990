import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ACTOR_CONFIG } from '../fakes/admin-actors.ts';
import { type ManagedGateway, startManagedGateway } from '../fakes/managed-gateway.ts';

const PROGRAM = resolve(import.meta.dirname, '../../dist/main.js');

describe('the catalogue on the command line', () => {
	const folder = mkdtempSync(join(tmpdir(), 'catalogue-'));
	afterAll(() => rmSync(folder, { recursive: true, force: true }));

	const run = (...words: readonly string[]) =>
		promisify(execFile)(process.execPath, [PROGRAM, 'catalogue', ...words], { cwd: folder, env: {} });

	it('is read by the built program with nothing else on the machine', async () => {
		expect((await run('show', 'linear')).stdout).toContain('https://mcp.linear.app/mcp');
		expect((await run('search', 'notino')).stdout).toContain('notion');
		expect((await run('list')).stdout).toContain('161 services;');
		expect(readdirSync(folder)).toEqual([]);
		await expect(run('show', 'githb')).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('github?') });
	});
});

describe('the catalogue of the management API', () => {
	let gateway: ManagedGateway;

	beforeAll(async () => {
		gateway = await startManagedGateway(ACTOR_CONFIG);
	});
	afterAll(() => gateway.close());

	async function ask(path: string, group = 'admin') {
		const headers = { authorization: `Bearer ${gateway.tokenFor([group])}` };
		const response = await fetch(`${gateway.url}/api/v1/catalogue${path}`, { headers });
		return {
			status: response.status,
			body: (await response.json()) as { items?: { id: string }[]; [name: string]: unknown },
		};
	}

	const idsOf = async (query: string) => (await ask(query)).body.items?.map(({ id }) => id);

	it('is for administrators of any workspace, and for nobody else', async () => {
		const statuses = ['admin', 'admin-elsewhere', 'platform-admin', 'writer', 'reader', 'stranger'].map(
			async (group) => (await ask('/linear', group)).status,
		);
		expect(await Promise.all(statuses)).toEqual([200, 200, 200, 403, 403, 403]);
		expect((await fetch(`${gateway.url}/api/v1/catalogue`)).status).toBe(401);
	});

	it('lists all of it at once, or what fits', async () => {
		expect(await idsOf('')).toHaveLength(161);
		expect((await idsOf('?q=calender'))?.[0]).toBe('google-calendar');
		expect(await idsOf('?category=database&transport=stdio&auth=none')).toEqual(['sqlite']);
		expect((await ask('?transport=carrier-pigeon')).status).toBe(400);
	});

	it('tells all of one, and leads dead names to what to use', async () => {
		expect((await ask('/notion')).body).toMatchObject({
			id: 'notion',
			endpoints: [{ key: 'http' }, { key: 'npm' }, {}],
		});
		const { status, body } = await ask(`/${encodeURIComponent('@sonarqube/mcp-server')}`);
		expect({ status, body }).toMatchObject({
			status: 200,
			body: { id: 'sonarqube', asked: { note: expect.any(String) } },
		});
		const old = await ask(`/${encodeURIComponent('https://mcp.asana.com/sse')}`);
		expect(old.body).toMatchObject({
			id: 'asana',
			asked: { endpoint: 'sse', note: expect.stringContaining('/v2/mcp') },
		});
		expect(await ask('/nothing-like-it')).toMatchObject({ status: 404, body: { code: 'PC_NOT_FOUND' } });
	});
});
