import type { LoadTarget } from './load-wire.ts';
import { type Portcullis, STDIO_UPSTREAM } from './portcullis.ts';
import type { ServerProcess } from './processes.ts';

/** What is measured against what, in words of the report. */
export type Subject = 'direct' | 'bare proxy' | 'Portcullis';

/** The kinds of traffic. */
export type Traffic = 'http 2025-11-25' | 'http 2026-07-28' | 'stdio';

/** One thing to measure in every round. */
export interface Case {
	readonly traffic: Traffic;
	readonly subject: Subject;
	readonly connections: number;
	readonly target: LoadTarget;
}

/** The processes that can be measured; without a gateway the rest is measured alone. */
export interface Subjects {
	readonly upstream: ServerProcess;
	readonly bareProxy: ServerProcess;
	readonly bareBridge: ServerProcess;
	readonly portcullis: Portcullis | undefined;
}

const CONNECTIONS = [1, 16];

type Candidate = Omit<Case, 'connections'>;

function httpCandidates({ upstream, bareProxy, portcullis }: Subjects, era: 'legacy' | 'modern'): Candidate[] {
	const traffic = era === 'legacy' ? 'http 2025-11-25' : 'http 2026-07-28';
	const server = era === 'legacy' ? 'http' : 'http-modern';
	const plain = { kind: 'http', era, path: `/${era}/mcp` } as const;
	const gateway = { ...plain, path: `/w/bench/s/${server}/mcp` };
	return [
		{ traffic, subject: 'direct', target: { ...plain, ...upstream } },
		{ traffic, subject: 'bare proxy', target: { ...plain, ...bareProxy } },
		...(portcullis ? [{ traffic, subject: 'Portcullis', target: { ...gateway, ...portcullis } } as const] : []),
	];
}

function stdioCandidates({ bareBridge, portcullis }: Subjects): Candidate[] {
	const gateway = { kind: 'http', era: 'legacy', path: '/w/bench/s/stdio/mcp' } as const;
	const bridge = { ...gateway, path: '/' };
	return [
		{ traffic: 'stdio', subject: 'direct', target: { kind: 'stdio', script: STDIO_UPSTREAM } },
		{ traffic: 'stdio', subject: 'bare proxy', target: { ...bridge, ...bareBridge } },
		...(portcullis
			? [{ traffic: 'stdio', subject: 'Portcullis', target: { ...gateway, ...portcullis } } as const]
			: []),
	];
}

/** Everything one round measures, in the order of the report. */
export function listCases(subjects: Subjects, only: 'http' | 'stdio' | undefined): Case[] {
	const http = [...httpCandidates(subjects, 'legacy'), ...httpCandidates(subjects, 'modern')];
	const candidates = [...(only === 'stdio' ? [] : http), ...(only === 'http' ? [] : stdioCandidates(subjects))];
	return CONNECTIONS.flatMap((connections) => candidates.map((candidate) => ({ ...candidate, connections })));
}
