import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type AdminPlane, createAdminPlane } from '../../src/admin/admin-plane.ts';
import type { ResourceParts } from '../../src/admin/resource-parts.ts';
import { defineRoute, type Route } from '../../src/admin/route.ts';
import { createRoutes } from '../../src/admin/routes.ts';
import { createTrails } from '../../src/audit/trail.ts';
import { ACTOR_CONFIG, type Actor, accessFaults, type Send } from '../fakes/admin-actors.ts';
import { type ManagedGateway, startManagedGateway } from '../fakes/managed-gateway.ts';

// Only looked at; the gateway has its own.
const ROUTES = createRoutes({} as ResourceParts);

let gateway: ManagedGateway;

beforeAll(async () => {
	gateway = await startManagedGateway(ACTOR_CONFIG);
});
afterAll(() => gateway.close());

const headersFor = ({ groups }: Actor): Record<string, string> =>
	groups === undefined ? {} : { authorization: `Bearer ${gateway.tokenFor(groups)}` };

describe('every operation of the management API', () => {
	it('is for those its annotation names, and for nobody else', async () => {
		const send: Send = async (actor, method, path) => {
			const response = await fetch(gateway.url + path, { method, headers: headersFor(actor) });
			return { status: response.status, text: await response.text() };
		};
		expect(ROUTES.length).toBeGreaterThan(0);
		expect(await accessFaults(ROUTES, send)).toEqual([]);
	});
});

const answered = { responses: { 204: null }, handle: () => ({ status: 204 as const }) } as const;
const summary = 'Planted';
const WORKSPACE = '/workspaces/:workspace/things';

/** Operations of every kind of annotation and method. */
const PLANTED: readonly Route[] = [
	defineRoute({ ...answered, summary, id: 'a', method: 'GET', path: '/things', authorize: 'signed-in' }),
	defineRoute({ ...answered, summary, id: 'b', method: 'POST', path: '/things', authorize: 'platform-admin' }),
	defineRoute({
		...{ ...answered, summary, id: 'c', method: 'DELETE', path: '/workspaces/:workspace' },
		authorize: 'platform-admin',
	}),
	defineRoute({ ...answered, summary, id: 'd', method: 'GET', path: WORKSPACE, authorize: { workspace: 'read' } }),
	defineRoute({
		...{ ...answered, summary, id: 'e', method: 'POST', path: WORKSPACE },
		authorize: { workspace: 'write' },
		body: z.strictObject({ name: z.string() }),
	}),
	defineRoute({
		...{ ...answered, summary, id: 'f', method: 'PUT', path: `${WORKSPACE}/:thing` },
		authorize: { workspace: 'admin' },
		params: { thing: z.uuid() },
		body: z.strictObject({ name: z.string() }),
	}),
	defineRoute({ ...answered, summary, id: 'g', method: 'GET', path: '/books', authorize: 'administrator' }),
];

describe('the test of operations', () => {
	let plane: AdminPlane;

	const send: Send = async (actor, method, url) => plane.ask({ method, url, headers: headersFor(actor) });

	beforeAll(async () => {
		const { app } = gateway;
		const { snapshots } = gateway.configuration;
		plane = createAdminPlane({
			routes: PLANTED,
			snapshots,
			openTrail: createTrails({
				records: {
					keep: () => undefined,
					keepTogether: async () => undefined,
					reopen: () => undefined,
					close: () => undefined,
				},
				now: Date.now,
				onOutcome: () => undefined,
			}),
			isDraining: () => false,
			isStale: () => false,
			callerOf: async (headers) => ({
				kind: 'principal',
				principal: await app.authenticator.authenticate(headers),
			}),
		});
		await plane.ready();
	});
	afterAll(() => plane.close());

	it('passes operations of every kind', async () => expect(await accessFaults(PLANTED, send)).toEqual([]));

	it('finds an operation that more may use than its annotation says', async () => {
		const claimed = PLANTED.map((route) => ({ ...route, authorize: 'platform-admin' as const }));
		const faults = await accessFaults(claimed, send);
		expect(faults).toContain('GET /things as reader: 400 PC_INPUT_INVALID, not PC_LEVEL_TOO_LOW');
		expect(faults).toContain(`POST ${WORKSPACE} as admin: 400 PC_INPUT_INVALID, not PC_LEVEL_TOO_LOW`);
	});

	it('finds an operation that tells what exists', async () => {
		const telling: Send = async (actor, method, path) => {
			const told = await send(actor, method, path);
			return path.includes('not-there') ? { ...told, status: 410 } : told;
		};
		const faults = await accessFaults(PLANTED.slice(3, 4), telling);
		const sentence = 'a workspace that is not theirs differs from one that is not there';
		expect(faults).toEqual(
			['nobody', 'stranger', 'admin-elsewhere'].map((name) => `GET ${WORKSPACE} as ${name}: ${sentence}`),
		);
	});
});
