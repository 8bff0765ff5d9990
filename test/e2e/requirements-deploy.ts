import type { Requirement } from './requirements.ts';

/** What we promise to those who put a proxy in front. */
export const DEPLOY_REQUIREMENTS: readonly Requirement[] = [
	{
		id: 'streams-stay-open',
		promise:
			'A stream on which nothing happens says often enough that it lives, and no proxy is invited to hold it back.',
		source: 'docs/protocol.md: raw; mcp 2026-07-28: basic/transports',
		proofs: [
			['test/e2e/edge-streams.test.ts', '%s says in time that it lives, and asks not to be held back or kept'],
			['src/edge/keep-alive.test.ts', 'has its comments between events, never inside one'],
			['src/edge/keep-alive.test.ts', 'is not written to any more'],
		],
	},
];
