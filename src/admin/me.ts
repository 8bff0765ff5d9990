import * as z from 'zod';
import type { Snapshot } from '../config/snapshot.ts';
import { LEVEL } from './access-level.ts';
import { type Caller, identityOf, platformLevelOf, standingIn } from './caller.ts';
import { defineRoute } from './route.ts';

/** The last moment that a date can hold (ECMA-262 §21.4.1.1). */
const LAST_MS = 8.64e15;

const ME_ANSWER = z
	.strictObject({
		issuer: z.string(),
		tid: z.string(),
		oid: z.string(),
		directory: z.string().nullable().describe('Id of the directory; null for the operator.'),
		vouchedBy: z.string().describe('What established who you are, such as token.'),
		expiresAt: z.iso.datetime().nullable().describe('When it has to be established anew; null: nothing says so.'),
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
			directory: snapshot.directories.find(({ issuer }) => issuer === caller.principal?.issuer)?.id ?? null,
			vouchedBy: caller.principal?.vouchedBy ?? 'operator',
			expiresAt: momentOf(caller.principal?.expiresAt),
			name: caller.principal?.name ?? 'operator',
			platformLevel: platformLevelOf(caller) ?? null,
			workspaces: workspacesOf(caller, snapshot),
		},
	}),
});

// What lies beyond the range of dates is as good as never.
function momentOf(ms = Number.POSITIVE_INFINITY): string | null {
	return Math.abs(ms) <= LAST_MS ? new Date(ms).toISOString() : null;
}

function workspacesOf(caller: Caller, snapshot: Snapshot): z.output<typeof ME_ANSWER>['workspaces'] {
	return [...snapshot.workspaces.values()].flatMap(({ slug, title }) => {
		const standing = standingIn(slug, caller);
		return standing === undefined
			? []
			: [{ workspace: slug, title, level: standing.level, rules: [...standing.rules] }];
	});
}
