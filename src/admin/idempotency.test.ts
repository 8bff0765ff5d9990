import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { startTestPlane, type TestPlane } from '../../test/fakes/admin-plane.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { WorkspaceTx } from '../store/tx.ts';
import { actorOf } from './caller.ts';
import type { IdempotencyStore, KeptAnswer } from './idempotency.ts';
import { defineRoute } from './route.ts';

/** A transaction of the store below; what is kept in it lasts when it ends well. */
interface FakeTx extends WorkspaceTx {
	readonly kept: Map<string, KeptAnswer>;
}

const lasting = new Map<string, KeptAnswer>();

async function transact<T>(workspaceId: string, fn: (tx: WorkspaceTx) => Promise<T>): Promise<T> {
	const tx = { workspaceId, kept: new Map() } as unknown as FakeTx;
	const result = await fn(tx);
	for (const [key, answer] of tx.kept) lasting.set(key, answer);
	return result;
}

const idempotency: IdempotencyStore = {
	begin: async (tx, { principal, key }) => lasting.get(JSON.stringify([(tx as FakeTx).workspaceId, principal, key])),
	async finish(tx, { principal, key, requestDigest }, kept) {
		const { workspaceId, kept: pending } = tx as FakeTx;
		pending.set(JSON.stringify([workspaceId, principal, key]), { requestDigest, ...kept });
	},
};

const made: { readonly name: string; readonly by: string }[] = [];
const THINGS = '/workspaces/:workspace/things';
const creation = {
	method: 'POST',
	summary: 'Makes a thing',
	authorize: { workspace: 'write' },
	body: z.strictObject({ name: z.string(), size: z.int().optional() }),
	responses: { 201: z.strictObject({ name: z.string(), serial: z.int(), version: z.int() }) },
	idempotency: 'creation',
} as const;

const ROUTES = [
	defineRoute({
		...{ ...creation, id: 'createThing', path: THINGS },
		handle: ({ params, body: { name }, once, caller }) =>
			transact(params.workspace, (tx) =>
				once(tx, async () => {
					await new Promise((resolve) => setImmediate(resolve));
					made.push({ name, by: actorOf(caller) });
					if (name === 'taken') throw new PortcullisError('PC_CONFLICT');
					const body = { name, serial: made.length, version: 1 };
					return { status: 201, body, location: `/workspaces/google/things/${name}` };
				}),
			),
	}),
	defineRoute({
		...{ ...creation, id: 'createOther', path: '/workspaces/:workspace/others' },
		handle: ({ body: { name } }) => ({ status: 201, body: { name, serial: 0, version: 1 } }),
	}),
];

let plane: TestPlane;

beforeAll(async () => {
	plane = await startTestPlane({ routes: ROUTES, idempotency });
});
afterAll(() => plane.close());

const create = (key: string | undefined, body: unknown, as = 'alice', resource = 'things') =>
	plane.ask({
		...{ method: 'POST', path: `/workspaces/google/${resource}`, as, body },
		headers: key === undefined ? {} : { 'idempotency-key': key },
	});
const madeBy = (name: string) => made.filter((thing) => thing.name === name).length;

describe('an Idempotency-Key', () => {
	it('makes fifty requests at once one change, and all are told the same', async () => {
		const all = await Promise.all(Array.from({ length: 50 }, () => create('k1', { name: 'fifty' })));
		expect(madeBy('fifty')).toBe(1);
		expect(new Set(all.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
		expect(all[0]).toMatchObject({ status: 201, headers: { etag: '"1"' } });
		expect(all.filter(({ headers }) => headers['idempotency-replayed'] === 'true')).toHaveLength(49);
		expect(new Set(all.map(({ headers }) => headers['location']))).toEqual(
			new Set(['/api/v1/workspaces/google/things/fifty']),
		);
	});

	it('is of the request it came with, however that is spelled', async () => {
		await create('k2', '{"name":"spelled","size":1}');
		expect((await create('k2', '{ "size": 1, "name": "spelled" }')).status).toBe(201);
		expect(madeBy('spelled')).toBe(1);
		expect((await create('k2', { name: 'other', size: 1 })).json.code).toBe('PC_IDEMPOTENCY_KEY_REUSED');
		expect(madeBy('other')).toBe(0);
	});

	it('is of the person who sent it', async () => {
		await create('k3', { name: 'mine' });
		await create('k3', { name: 'mine' }, 'bob');
		await create('k3', { name: 'mine' }, 'operator');
		expect(madeBy('mine')).toBe(3);
		expect(new Set(made.filter(({ name }) => name === 'mine').map(({ by }) => by)).size).toBe(3);
	});

	it('keeps nothing of a change that failed', async () => {
		expect((await create('k4', { name: 'taken' })).json.code).toBe('PC_CONFLICT');
		expect((await create('k4', { name: 'taken' })).json.code).toBe('PC_CONFLICT');
		expect(madeBy('taken')).toBe(2);
		expect((await create('k4', { name: 'free' })).status).toBe(201);
	});

	it('need not be there', async () => {
		await create(undefined, { name: 'twice' });
		await create(undefined, { name: 'twice' });
		expect(madeBy('twice')).toBe(2);
	});

	it('that cannot be one is refused', async () => {
		for (const key of ['a b', 'é', 'x'.repeat(256)]) {
			expect((await create(key, { name: 'x' })).json).toMatchObject({
				code: 'PC_INPUT_INVALID',
				errors: [{ path: 'header.idempotency-key' }],
			});
		}
	});

	it('is not ignored by an operation that forgets it', async () => {
		expect((await create('k5', { name: 'x' }, 'alice', 'others')).json.code).toBe('PC_INTERNAL');
		expect((await create(undefined, { name: 'x' }, 'alice', 'others')).status).toBe(201);
	});

	it('needs a store', async () => {
		await expect(startTestPlane({ routes: ROUTES })).rejects.toThrow('need a store');
	});
});
