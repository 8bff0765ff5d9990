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
	{
		id: 'edge-streams',
		promise:
			'Behind the NGINX and HAProxy of deploy/ streams flow, callers who leave are heard, and a 401 keeps its challenge.',
		source: 'deploy/README.md: what every edge must do',
		proofs: [
			[
				'test/e2e/deploy-proxies.test.ts',
				'brings the first event of a call while its server goes on, and tells the server that the caller left',
			],
			['test/e2e/deploy-proxies.test.ts', 'that has no answer yet is given up when its caller leaves'],
			['test/e2e/deploy-idle.test.ts', 'stay open although nothing happens on them for 70 seconds'],
			['test/e2e/deploy-proxies.test.ts', 'learns at %s where to sign in, by the public address'],
			['test/e2e/deploy-proxies.test.ts', 'of the %s official client is answered'],
		],
	},
	{
		id: 'edge-spoofed',
		promise: 'Behind the files of deploy/ the gateway hears nothing of what callers say in headers about who they are.',
		source: 'deploy/README.md: what every edge must do',
		proofs: [
			['test/e2e/deploy-proxies.test.ts', 'in headers %s is not what the gateway hears'],
			['test/e2e/deploy-proxies.test.ts', 'is neither in the audit nor told to a server'],
			['test/arch/deploy.test.ts', '$path streams, waits, and takes away what callers say about themselves'],
		],
	},
];
