import type { Requirement } from './requirements.ts';

/** What is promised about who somebody is, and who may say it. */
export const EDGE_REQUIREMENTS: readonly Requirement[] = [
	{
		id: 'edge-arrival',
		promise: 'Headers that say who somebody is die on arrival, in every spelling, unless the listener reads them.',
		source: 'docs/edge.md: what is dropped on arrival',
		proofs: [
			['test/e2e/edge-arrival.test.ts', '%s says nothing, in whatever spelling, and leaves no trace'],
			['test/e2e/edge-arrival.test.ts', '%s is refused when it is repeated, in whatever spellings'],
			['test/e2e/edge-arrival.test.ts', 'only the headers of its own mechanism are read'],
			['test/e2e/edge-arrival.test.ts', 'is in no line of the log, and in no record'],
			['src/edge/identity-headers.test.ts', 'is gone before anything looks, whatever its spelling and place'],
		],
	},
	{
		id: 'edge-proof',
		promise:
			'An edge vouches for somebody with a proof that holds, and a wrong one is refused beside a good bearer too.',
		source: 'docs/edge.md: how an edge proves itself',
		proofs: [
			['test/e2e/identity-edge.test.ts', 'takes whom its edge vouches for, and records by which mechanism'],
			['test/e2e/identity-edge.test.ts', 'counts only with a proof beside it, whatever else is good'],
			['test/e2e/identity-edge.test.ts', 'an assertion > is refused where it %s'],
			['test/e2e/identity-edge.test.ts', 'the token of an edge > is refused where it %s'],
			['test/e2e/identity-edge.test.ts', 'the secret of an edge > is refused where it is %s'],
			['test/e2e/identity-edge.test.ts', 'the certificate of an edge > is refused where it %s'],
		],
	},
	{
		id: 'edge-agreement',
		promise: 'A bearer beside an edge must be good, and of the same issuer, tid and oid.',
		source: 'docs/edge.md: how an edge proves itself',
		proofs: [
			['test/e2e/identity-edge.test.ts', 'takes a bearer of the same person beside it, and of nobody else'],
			['test/e2e/identity-edge.test.ts', 'takes nobody whose own bearer is refused, an API key beside it included'],
		],
	},
	{
		id: 'edge-replay',
		promise: 'An assertion is good for one request of a process, and none is forgotten while it could be sent again.',
		source: 'docs/edge.md: assertion',
		proofs: [
			['test/e2e/identity-edge.test.ts', 'is good once, on all listeners together'],
			['test/e2e/identity-edge.test.ts', 'is good for one request, whatever number of messages it carries'],
			['src/identity/edge/replays.test.ts', 'refuses new ones when it is full, and forgets none'],
		],
	},
	{
		id: 'edge-isolation',
		promise: 'An edge of one company reaches nothing of another, whatever it says.',
		source: 'ARCHITECTURE.md',
		proofs: [
			['test/tenancy/edges.test.ts', 'reaches google, and nothing of microsoft, under any address'],
			['test/tenancy/edges.test.ts', 'vouches for nobody of microsoft'],
			['test/tenancy/edges.test.ts', 'are told apart at the same time on one listener'],
		],
	},
	{
		id: 'edge-listeners',
		promise: 'Listeners start together or not at all, and take renewed certificates while they serve.',
		source: 'docs/edge.md: the file of listeners',
		proofs: [
			['test/e2e/operation-listeners.test.ts', 'does not start with a faulty file, and says what is wrong'],
			['test/e2e/operation-listeners.test.ts', 'speaks TLS 1.2 and later, and takes a renewed certificate on SIGHUP'],
		],
	},
];
