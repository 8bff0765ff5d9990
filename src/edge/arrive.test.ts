import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Presented } from '../identity/presented.ts';
import { createArrive, type Entrance } from './arrive.ts';
import { presentedBy } from './presented.ts';

interface Seen {
	readonly presented: Presented;
	readonly again: Presented;
	readonly headers: NodeJS.Dict<string | string[]>;
	readonly distinct: NodeJS.Dict<string[]>;
}

let server: Server;
afterEach(() => new Promise((resolve) => server.close(resolve)));

/** What a real request looks like after it has arrived at this entrance. */
function arrive(entrance: Partial<Entrance>, headers: Readonly<Record<string, string>>): Promise<Seen> {
	return new Promise((resolve, reject) => {
		const take = createArrive({ name: 'front', trustedProxies: [], reads: undefined, ...entrance });
		server = createServer((incoming, response) => {
			take(incoming);
			const presented = presentedBy(incoming);
			resolve({
				presented,
				again: presentedBy(incoming),
				headers: incoming.headers,
				distinct: incoming.headersDistinct,
			});
			response.end();
		});
		server.listen(0, '127.0.0.1', () => {
			const { port } = server.address() as AddressInfo;
			const sent = request({ port, host: '127.0.0.1', path: '/mcp?x=1', method: 'PUT', headers, agent: false });
			sent
				.on('error', reject)
				.on('response', (response) => response.resume())
				.end();
		});
	});
}

const FORGED = { 'X-User-Id': 'forged', X_Edge_Secret: 'forged', Cookie: 'forged', 'X-Forwarded-For': '198.51.100.7' };

describe('a request that arrives', () => {
	it('is judged by what is left of its headers, in every view of them', async () => {
		const { presented, headers, distinct } = await arrive({}, { ...FORGED, Authorization: 'Bearer x' });
		expect(JSON.stringify([presented, headers, distinct])).not.toContain('forged');
		expect(presented.rawHeaders).toContain('Bearer x');
		expect(headers.authorization).toBe('Bearer x');
		expect(presented).toMatchObject({ remoteAddress: '127.0.0.1' });
		expect(presented).not.toHaveProperty('via');
	});

	it('comes from where a trusted proxy says', async () => {
		const { presented } = await arrive({ trustedProxies: ['127.0.0.0/8'] }, FORGED);
		expect(presented.remoteAddress).toBe('198.51.100.7');
	});

	it('says how it came in where an edge may vouch for it, and keeps what that reads', async () => {
		const { presented, again } = await arrive({ reads: new Set(['x-user-id']) }, FORGED);
		expect(presented.via).toEqual({ listener: 'front', method: 'PUT', target: '/mcp?x=1', certificate: undefined });
		expect(presented.rawHeaders).toContain('X-User-Id');
		expect(presented.rawHeaders).not.toContain('X_Edge_Secret');
		expect(again).toBe(presented);
	});
});
