import type { Requirement } from './requirements.ts';

/** What is promised about who calls, and how much. */
export const LIMIT_REQUIREMENTS: readonly Requirement[] = [
	{
		id: 'limits-together',
		promise:
			'However many processes there are, a limit lets pass its burst and what came back since, and no call more.',
		source: 'docs/limits.md: many processes, one limit',
		proofs: [
			['src/lib/bucket.test.ts', 'lets no span of time pass more than burst and rate allow'],
			['test/e2e/limits-processes.test.ts', 'let pass what the limit lets pass and not one call more'],
			['test/e2e/limits-processes.test.ts', 'let pass a small limit to the last call, and keep workspaces apart'],
			['test/e2e/limits-redis.test.ts', 'give what the rule of all buckets gives'],
		],
	},
	{
		id: 'limits-told',
		promise:
			'A call that a limit refuses is told which and when to come back, is in the audit, and costs no other limit.',
		source: 'docs/limits.md: how many calls pass',
		proofs: [
			['test/e2e/limits.test.ts', 'lets pass what it says, then says what it was'],
			['test/e2e/limits.test.ts', 'that refuses costs nothing of the others'],
			['test/e2e/limits.test.ts', 'counts whatever a server is asked, on every way, and each message of a batch'],
		],
	},
	{
		id: 'limits-apart',
		promise: 'No limit of one workspace counts or holds up a call of another.',
		source: 'docs/limits.md: how many calls pass',
		proofs: [
			['test/e2e/limits.test.ts', 'of one workspace is nothing to another'],
			['test/store/lease-tokens.test.ts', 'of two workspaces are two, whatever they are called'],
			['test/e2e/limits-redis.test.ts', 'of two workspaces are two, each below a key that names it'],
		],
	},
	{
		id: 'limits-at-hand',
		promise:
			'A call asks the store of the limits nothing while there are tokens at hand, and nothing at all without limits.',
		source: 'docs/limits.md: many processes, one limit',
		proofs: [
			['test/store/limits-warm.test.ts', 'ask the database nothing while there are tokens at hand'],
			['test/store/limits-warm.test.ts', 'are limited from the moment an administrator says so'],
		],
	},
	{
		id: 'limits-without-store',
		promise:
			'While the store is gone what is leased is spent, then calls are refused or the limit is shared; then it goes on.',
		source: 'docs/limits.md: many processes, one limit',
		proofs: [
			['test/e2e/limits-processes.test.ts', 'spend what they have leased when the store is gone'],
			['test/e2e/limits-processes.test.ts', 'let pass no more than the limit together'],
			['test/e2e/limits-processes.test.ts', 'give back what they have not spent'],
		],
	},
	{
		id: 'limits-room',
		promise: 'A server that is slow or flooded holds up no other, and its room is free again however a call ends.',
		source: 'docs/limits.md: room at each server',
		proofs: [
			['test/e2e/limits-room.test.ts', 'takes limit - 1 and limit, refuses limit + 1 and says so'],
			['test/e2e/limits-room.test.ts', 'holds up no other server, and none of its name in another workspace'],
			['test/e2e/limits-room.test.ts', 'when the caller goes away'],
		],
	},
	{
		id: 'limits-sign-ins',
		promise: 'Beyond so many failures of one address no token is looked at, and nobody who has signed in is shut out.',
		source: 'docs/limits.md: sign-ins that fail',
		proofs: [
			['test/e2e/failed-sign-ins.test.ts', 'are refused unseen beyond what one address may get wrong'],
			['test/e2e/failed-sign-ins.test.ts', 'shut out nobody who has signed in before'],
			['src/identity/failed-attempts.test.ts', 'are not those that pass, however many come at once'],
		],
	},
];
