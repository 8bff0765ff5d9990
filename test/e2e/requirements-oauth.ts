import type { Requirement } from './requirements.ts';

const CLIENT = 'test/e2e/oauth-client.test.ts';
const CONNECTIONS = 'test/e2e/oauth-connections.test.ts';
const RENEWAL = 'test/e2e/oauth-renewal.test.ts';
const CALLS = 'test/e2e/oauth-calls.test.ts';
const SOURCE = 'docs/credentials.md: signing in at services';

/** What is promised about connecting accounts of services. */
export const OAUTH_REQUIREMENTS: readonly Requirement[] = [
	{
		id: 'oauth-own-token',
		promise: 'Each person calls with the token of their own connection, and what they came with goes nowhere.',
		source: SOURCE,
		proofs: [[CALLS, 'call with their own, two of one workspace and one of another']],
	},
	{
		id: 'oauth-one-issuer',
		promise: 'A sign-in is answered by the issuer that was asked, with PKCE and for this server alone, or not at all.',
		source: 'RFC 8414 §3.3, RFC 9207, RFC 9728 §7.3',
		proofs: [
			[CLIENT, 'is refused when it names %s'],
			[CLIENT, 'is refused of a server %s'],
			[CLIENT, 'of one service is never redeemed at another (mix-up)'],
			[CONNECTIONS, 'with the answer of another service is refused, and nothing is redeemed (mix-up)'],
		],
	},
	{
		id: 'oauth-own-sign-in',
		promise:
			'A sign-in is finished once, by the person who began it, in the browser it was begun in, within ten minutes.',
		source: SOURCE,
		proofs: [
			[CONNECTIONS, 'is possible once'],
			[CONNECTIONS, 'is refused in another browser session'],
			[CONNECTIONS, 'is refused to another person, of the same workspace or of another'],
			[CONNECTIONS, 'is refused after ten minutes'],
		],
	},
	{
		id: 'oauth-renewed-once',
		promise: 'However many calls in however many processes meet the end of a token, it is renewed once.',
		source: SOURCE,
		proofs: [
			[CALLS, 'renew once among them when 200 calls at a time meet the end of a token'],
			[RENEWAL, 'is renewed once when 200 calls in three processes meet its end'],
		],
	},
	{
		id: 'oauth-not-lost',
		promise:
			'A renewal that is cut off loses no connection that the service would go on with, and says so of any other.',
		source: SOURCE,
		proofs: [
			[CALLS, 'lose no connection when one is killed while it renews'],
			[CALLS, 'say that the account has to be connected again'],
			[RENEWAL, 'are not lost when the database goes away between the answer and the storing'],
			[RENEWAL, 'stays what it was while the service fails'],
		],
	},
];
