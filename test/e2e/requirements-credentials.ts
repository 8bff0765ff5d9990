import type { Requirement } from './requirements.ts';

/** What is promised of credentials. */
export const CREDENTIAL_REQUIREMENTS: readonly Requirement[] = [
	{
		id: 'credential-sealed',
		promise: 'A kept secret opens in its own row alone, unchanged, with a key that is not in the database.',
		source: 'docs/credentials.md: how a secret is kept',
		proofs: [
			[
				'src/credentials/sealing/create-sealing.test.ts',
				'gives no text and one and the same error for 10,000 values with a bit flipped',
			],
			[
				'src/credentials/sealing/create-sealing.test.ts',
				'gives no text for 10,000 values in the rows of others, nor for parts of two put together',
			],
			['test/store/wrapping-keys.test.ts', 'are noted at first, and must be the same ones from then on'],
			['test/store/wrapping-keys.test.ts', 'are not made anew when they are gone and secrets are sealed with them'],
		],
	},
	{
		id: 'credential-nowhere',
		promise: 'A secret of whatever kind stands in no log, answer, record, count, table, file or command line.',
		source: 'SECURITY.md',
		proofs: [
			['test/tenancy/canaries.test.ts', 'of every kind are planted where they can be'],
			['test/tenancy/canaries.test.ts', 'reach the servers they are for'],
			[
				'test/tenancy/canaries.test.ts',
				'stand nowhere else: in no log, answer, record, count, table, file or command line',
			],
		],
	},
	{
		id: 'credential-rewrap',
		promise: 'The wrapping key is changed under load without a call that fails.',
		source: 'docs/credentials.md: changing the wrapping key',
		proofs: [
			[
				'test/store/rewrap.test.ts',
				'is changed under load, with no call that fails, and the old one is retired when nothing needs it',
			],
		],
	},
	{
		id: 'credential-whose',
		promise: "A call carries the credential of its person or its workspace, and no list of anybody else's is shown.",
		source: 'docs/credentials.md: whose',
		proofs: [
			[
				'test/tenancy/kept-credentials.test.ts',
				'is seen by the upstream as the one of the person or else of the workspace, and never as the caller’s',
			],
			['test/tenancy/kept-credentials.test.ts', 'is nobody else’s to see, to change or to take away'],
			[
				'test/tenancy/kept-credentials.test.ts',
				'lists what other servers have, and is told which one wants an account',
			],
		],
	},
	{
		id: 'credential-ends',
		promise: 'A credential that changes or goes takes with it, within five seconds, what was opened with it.',
		source: 'docs/credentials.md: setting, changing, taking away',
		proofs: [
			['test/tenancy/kept-credentials.test.ts', 'is changed everywhere within seconds'],
			[
				'test/tenancy/kept-credentials.test.ts',
				'ends with it within seconds, the child of its person too, and nothing of anybody else',
			],
			['test/tenancy/kept-credentials.test.ts', 'goes with the person and with the workspace'],
		],
	},
	{
		id: 'credential-connect',
		promise: 'Who has no account of their own is told the page in the form that their client knows.',
		source: 'docs/credentials.md: who has no account yet',
		proofs: [
			[
				'test/tenancy/kept-credentials.test.ts',
				'is asked to open a page where the client opens pages, and then called for',
			],
			['test/tenancy/kept-credentials.test.ts', 'is told the page in an error by a client of 2025-11-25'],
		],
	},
];
