import * as z from 'zod';
import type { Snapshot } from '../config/snapshot.ts';
import { LEVEL } from './access-level.ts';
import { type Caller, identityOf, platformLevelOf, standingIn } from './caller.ts';
import { defineRoute } from './route.ts';

const ME_ANSWER = z
	.strictObject({
		issuer: z.string(),
		tid: z.string(),
		oid: z.string(),
		name: z.string().describe('For display only.'),
		platformLevel: LEVEL.nullable().describe('Held in every workspace; admin is the platform administrator.'),
		workspaces: z.array(
			z.strictObject({
				workspace: z.string(),
				title: z.string(),
				level: LEVEL,
				rules: z.array(z.string()).describe('Grant rules behind the level.'),
			}),
		),
	})
	.meta({ id: 'Me' });

/** Who the caller is, and what they hold. */
export const ME = defineRoute({
	id: 'readMe',
	method: 'GET',
	path: '/me',
	summary: 'Who you are, and which workspaces you have',
	authorize: 'signed-in',
	responses: { 200: ME_ANSWER },
	handle: ({ caller, snapshot }) => ({
		status: 200,
		body: {
			...identityOf(caller),
			name: caller.principal?.name ?? 'operator',
			platformLevel: platformLevelOf(caller) ?? null,
			workspaces: workspacesOf(caller, snapshot),
		},
	}),
});

function workspacesOf(caller: Caller, snapshot: Snapshot): z.output<typeof ME_ANSWER>['workspaces'] {
	return [...snapshot.workspaces.values()].flatMap(({ slug, title }) => {
		const standing = standingIn(slug, caller);
		return standing === undefined
			? []
			: [{ workspace: slug, title, level: standing.level, rules: [...standing.rules] }];
	});
}
