import type { Requirement } from './requirements.ts';

/** What is promised of secrets that live outside, and of the keys that wrap those that do not. */
export const SECRET_STORE_REQUIREMENTS: readonly Requirement[] = [
	{
		id: 'secret-store-own-workspace',
		promise: 'A reference to a secret of an external store leads to a secret of its own workspace or to none.',
		source: 'docs/secret-stores.md: whose secret is it',
		proofs: [
			['test/e2e/secret-stores-vault.test.ts', 'are found in the folder of their workspace, by slug or by id'],
			['test/e2e/secret-stores-vault.test.ts', 'are not reached from another workspace by the name'],
			[
				'test/e2e/secret-stores-azure.test.ts',
				'are those with the tag of their workspace, by slug or id; others look like none',
			],
			['src/config/read-secret-stores.test.ts', 'tells what is wrong: %s'],
		],
	},
	{
		id: 'secret-store-sign-in',
		promise: 'The gateway signs in at a store of secrets by itself, and stays signed in.',
		source: 'docs/secret-stores.md',
		proofs: [
			['test/e2e/secret-stores-vault.test.ts', 'prolongs its token before the end, and signs in anew when it cannot'],
			['test/e2e/secret-stores-vault.test.ts', 'signs in again when its token was taken back'],
			['test/e2e/secret-stores-azure.test.ts', 'signs in again when its token is no longer taken'],
			['src/credentials/external/held-token.test.ts', 'is asked for once for all who wait'],
		],
	},
	{
		id: 'secret-store-wrapping-key',
		promise: 'A key of a store wraps and opens; a rotated one opens what its older versions wrapped.',
		source: 'docs/secret-stores.md: when a key is rotated, or the store is gone',
		proofs: [
			[
				'test/e2e/secret-stores-vault.test.ts',
				'wraps with its newest version, and opens what older ones wrapped while Vault lets it',
			],
			['test/e2e/secret-stores-azure.test.ts', 'wraps with its newest version, and opens what older ones wrapped'],
		],
	},
];
