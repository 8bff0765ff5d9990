import * as z from 'zod';
import { rewrapAll } from '../credentials/rewrap.ts';
import { reasonOf } from './change.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';

const REWRAPPED = z
	.strictObject({
		rewrapped: z.int().describe('Secrets that are sealed with the current key now and were not before.'),
		unreadable: z.int().describe('Secrets that could not be opened; their keys stay in use.'),
		retired: z.array(z.string()).describe('Ids of keys that nothing is sealed with any more; they may be taken away.'),
	})
	.meta({ id: 'Rewrapped' });

/** Changes the wrapping key of everything that is sealed. */
export function createRewrapRoutes(parts: ResourceParts): readonly Route[] {
	return [
		defineRoute({
			id: 'rewrapCredentials',
			method: 'POST',
			path: '/platform/rewrap',
			summary: 'Seals every secret with the current wrapping key, while calls go on',
			authorize: 'platform-admin',
			responses: { 200: REWRAPPED },
			async handle(context) {
				const workspaceIds = Array.from(context.snapshot.workspaces.values(), ({ id }) => id);
				const { store, sealing } = parts;
				const signal = AbortSignal.timeout(PATIENCE_MS);
				const done = await rewrapAll({ store, sealing, workspaceIds, why: reasonOf(context), signal });
				return { status: 200, body: { ...done, retired: [...done.retired] } };
			},
		}),
	];
}

const PATIENCE_MS = 10 * 60_000;
