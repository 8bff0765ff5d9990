import type { Requirement } from './requirements.ts';

/** What is promised of the pages where people connect their accounts. */
export const CONNECT_REQUIREMENTS: readonly Requirement[] = [
	{
		id: 'connect-same-person',
		promise: 'Whoever signs in with a browser is the person of their access token, by what the directory signs alone.',
		source: 'docs/connect.md: signing in',
		proofs: [
			['test/e2e/connect-sign-in.test.ts', 'makes somebody the same person as their access token does'],
			['test/e2e/connect-sign-in.test.ts', 'fails with an ID token %s'],
			['test/e2e/connect-sign-in.test.ts', 'fails with an ID token that somebody else signed'],
		],
	},
	{
		id: 'connect-own-browser',
		promise: 'A sign-in ends in the browser that began it; a session is new with each, and counts at the pages alone.',
		source: 'docs/connect.md: what protects it',
		proofs: [
			['test/e2e/connect-sign-in.test.ts', 'is finished by the browser that began it and by no other'],
			['test/e2e/connect-sign-in.test.ts', 'is a new one with each sign-in, whatever the browser brought along'],
			['test/e2e/connect-sign-in.test.ts', 'counts at the pages alone: a cookie opens no other address'],
			['src/edge/identity-headers.test.ts', 'is taken away everywhere but at the pages for people'],
		],
	},
	{
		id: 'connect-forms',
		promise: 'Nothing is changed but by a form of the same session, from a page of the gateway.',
		source: 'docs/connect.md: what protects it',
		proofs: [
			['test/e2e/connect-sign-in.test.ts', 'without the token of its session changes nothing'],
			['test/e2e/connect-sign-in.test.ts', 'a form > %s changes nothing'],
			['src/connect/sessions.test.ts', 'the token of a form > is of one session'],
		],
	},
	{
		id: 'connect-links',
		promise: 'A link from a refused call is worth something to the person of that call alone, and names nobody.',
		source: 'docs/connect.md',
		proofs: [
			['src/connect/sessions.test.ts', 'a link from a refused call > tells nobody else, and no other directory'],
			['test/e2e/connect-browser.test.ts', 'lead from a refused call to its server, for the person of that call alone'],
			[
				'test/e2e/connect-accounts.test.ts',
				'is nobody else’s: the link of a refused call is worth nothing to another person',
			],
		],
	},
	{
		id: 'connect-and-call',
		promise:
			'What somebody connects in a browser is what their calls carry, until they disconnect it; nobody else’s do.',
		source: 'docs/connect.md',
		proofs: [
			['test/e2e/connect-accounts.test.ts', 'is what the calls of its person carry, until they disconnect it'],
			['test/e2e/connect-accounts.test.ts', 'cannot be finished in another browser than it was begun in'],
			['test/e2e/connect-accounts.test.ts', 'may be a key that is entered, and is never shown'],
		],
	},
	{
		id: 'connect-own-servers',
		promise: 'Nobody sees a server of a workspace that they do not have.',
		source: 'docs/connect.md',
		proofs: [['test/e2e/connect-browser.test.ts', 'never show somebody a server of a workspace that they do not have']],
	},
	{
		id: 'connect-pages-safe',
		promise: 'The pages run no script, show names of others as text, and cannot be framed or posted to from elsewhere.',
		source: 'docs/connect.md: what protects it',
		proofs: [
			['test/e2e/connect-browser.test.ts', 'show names of others as text, whatever they hold'],
			['test/e2e/connect-browser.test.ts', 'let nobody have a form sent from another site, nor look into a frame'],
			['test/e2e/connect-sign-in.test.ts', 'come with headers that leave scripts, frames and caches nothing'],
		],
	},
	{
		id: 'connect-accessible',
		promise:
			'Everybody can use the pages: by keyboard alone, on a phone, in the dark, and with nothing that axe finds.',
		source: 'docs/connect.md',
		proofs: [
			['test/e2e/connect-browser.test.ts', 'have nothing that axe finds, in any state'],
			['test/e2e/connect-browser.test.ts', 'take away what they connected, by the keyboard alone'],
		],
	},
];
