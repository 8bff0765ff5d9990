import type { Requirement } from './requirements.ts';

/** What is promised about who calls. */
export const DIRECTORY_REQUIREMENTS: readonly Requirement[] = [
	{
		id: 'identity-attacks',
		promise: 'No known attack on tokens opens anything, and each is refused beside a token that is accepted.',
		source: 'docs/identity.md: what a token must be',
		proofs: [
			['test/e2e/identity-rows.test.ts', 'every attack on tokens has a test of its number'],
			['test/e2e/identity-jwt.test.ts', 'JWT-10: of one tenant for another it is refused'],
			[
				'test/e2e/identity-jwt.test.ts',
				'JWT-14: whatever e-mail address, name or user name it has, no decision differs',
			],
			['test/e2e/identity-jwt.test.ts', 'JWT-23: while the keys are exchanged under load no good call is refused'],
		],
	},
	{
		id: 'identity-entra',
		promise: 'Tokens of Entra are judged by its rules, in both forms, and a refusal says what to ask for instead.',
		source: 'docs/identity.md: version 1 and version 2 tokens',
		proofs: [
			['test/e2e/identity-rows.test.ts', 'every rule about tokens of Entra has a test of its number'],
			['test/e2e/identity-entra.test.ts', 'Entra 2: both forms of issuer are accepted'],
			['test/e2e/identity-entra.test.ts', 'Entra 5: a key signs for the tenants that its issuer says'],
			[
				'test/e2e/identity-entra.test.ts',
				'Entra 11: a token for Microsoft Graph is refused with what to ask for instead',
			],
		],
	},
	{
		id: 'identity-groups',
		promise: 'Groups that a token could not hold are asked of Graph, leave within ten minutes, and fail closed.',
		source: 'docs/identity.md: groups',
		proofs: [
			[
				'test/e2e/identity-entra.test.ts',
				'has the groups that Graph says, and the address in the token is never called',
			],
			['test/e2e/identity-entra.test.ts', 'loses what a group gave within ten minutes of leaving it'],
			['test/e2e/identity-entra.test.ts', 'is believed to be in their groups for an hour while Graph is down'],
			['src/identity/graph/member-groups.test.ts', 'nobody new is believed, and whoever was known is for an hour'],
		],
	},
	{
		id: 'identity-streams',
		promise: 'A stream ends with the token it was opened with, whatever the wall clock is set to.',
		source: 'docs/identity.md: what a token must be',
		proofs: [
			[
				'test/e2e/operation-streams.test.ts',
				'ends the streams that were opened with it, through every door, and no others',
			],
			['src/edge/watch-expiry.test.ts', 'is not prolonged by a wall clock that is set back'],
		],
	},
	{
		id: 'identity-inspect',
		promise: 'The first rule that a token fails is told in one sentence, and no part of the token is shown.',
		source: 'docs/cli.md: run',
		proofs: [
			['test/e2e/operation-token.test.ts', 'says that a token fails with'],
			['test/e2e/operation-token.test.ts', 'never shows a part of the token'],
		],
	},
];
