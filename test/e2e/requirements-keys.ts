import type { Requirement } from './requirements.ts';

/** What is promised of those who come with a key, or through another program. */
export const KEY_REQUIREMENTS: readonly Requirement[] = [
	{
		id: 'key-one-workspace',
		promise:
			'An API key reaches its workspace, within its servers, and nothing else; what it may not use does not exist.',
		source: 'docs/api-keys.md',
		proofs: [
			['test/tenancy/matrix.test.ts', 'has seen nothing refused arrive anywhere, not even later'],
			['test/tenancy/list-is-callable.test.ts', 'names exactly the tools that can be called'],
			['test/tenancy/api-keys.test.ts', 'reaches its workspace at every address, and nothing of another at any'],
			['test/tenancy/api-keys.test.ts', 'never reach anything of another workspace'],
			['src/identity/api-keys.test.ts', 'is somebody of its own, with exactly what it says in its workspace'],
		],
	},
	{
		id: 'key-text',
		promise: 'The text of an API key is shown once and is kept nowhere.',
		source: 'docs/api-keys.md: what a key is',
		proofs: [
			['test/e2e/admin-keys.test.ts', 'is made once for an Idempotency-Key, shown to the first alone and kept nowhere'],
			[
				'test/tenancy/api-keys.test.ts',
				'is in no table, record, log, metric, file or answer but the one that showed it',
			],
		],
	},
	{
		id: 'key-refused-alike',
		promise: 'A key that is mistyped, unknown, revoked, expired or from the wrong network is refused in one sentence.',
		source: 'docs/api-keys.md: who it is',
		proofs: [
			['src/identity/api-keys.test.ts', 'is refused alike whatever is wrong with it'],
			['src/identity/api-keys.test.ts', 'ends in the millisecond it names'],
			['test/tenancy/api-keys.test.ts', 'is refused alike when it is mistyped, unknown or revoked'],
			['test/tenancy/api-keys.test.ts', 'comes from its networks alone, and the audit alone says that this was it'],
		],
	},
	{
		id: 'key-revoked',
		promise: 'A revoked key is refused at every gateway over the database, and its streams end, and no others.',
		source: 'docs/api-keys.md: what a key is',
		proofs: [
			['test/tenancy/api-keys.test.ts', 'is gone at every gateway over the same database, by itself'],
			['test/tenancy/api-keys.test.ts', 'ends the streams of the key that says something else now'],
			['test/tenancy/deletion.test.ts', 'leaves nothing'],
		],
	},
	{
		id: 'key-person',
		promise:
			'A personal key gives what its owner holds at the moment, never more than it says, and nothing once they left.',
		source: 'docs/api-keys.md: who it is',
		proofs: [
			['src/identity/api-keys.test.ts', 'is the person, with the weaker of what it says and what they hold now'],
			['src/identity/api-keys.test.ts', 'is refused when the person holds nothing there any more'],
			['test/e2e/admin-keys.test.ts', 'makes personal keys only for people who are members'],
		],
	},
	{
		id: 'key-makes-no-keys',
		promise: 'No key makes, changes, revokes or sees keys; who is no administrator has their own alone.',
		source: 'docs/api-keys.md: managing them',
		proofs: [
			['test/e2e/admin-keys.test.ts', 'is never a key, whatever it may do else'],
			['test/e2e/admin-keys.test.ts', 'is whoever administers the workspace, and everybody for keys of their own'],
			['test/e2e/admin-keys.test.ts', 'gives a key for some servers at most the level write, and no other server'],
		],
	},
	{
		id: 'open-webui-person',
		promise: 'Whom Open WebUI signs for is the linked person of that workspace, and nobody else is believed.',
		source: 'docs/open-webui.md: what is believed',
		proofs: [
			['test/e2e/open-webui.test.ts', 'is the person of the directory their account is linked to'],
			['test/e2e/open-webui.test.ts', 'is nobody in another workspace, nor where another instance names them'],
			[
				'test/e2e/open-webui.test.ts',
				'is believed only in one form, from its own secret, and for as long as it may last',
			],
			['test/e2e/open-webui.test.ts', 'are refused by a key that wants signed ones'],
			['test/e2e/open-webui.test.ts', 'are believed by a key that says so, from its networks'],
			['src/identity/open-webui-token.test.ts', 'begins and ends with a minute for the clocks, to the millisecond'],
		],
	},
	{
		id: 'open-webui-key-alone',
		promise: 'A key of Open WebUI by itself reads lists and calls nothing.',
		source: 'docs/open-webui.md: the key by itself',
		proofs: [
			[
				'test/e2e/open-webui.test.ts',
				'reads lists for everybody and calls nothing, and what its level hides stays unknown',
			],
			['test/e2e/open-webui.test.ts', 'is none for the management API, with or without a person'],
		],
	},
];
