import type { CallKind, LoadTarget } from './load-wire.ts';
import { type Portcullis, STDIO_UPSTREAM } from './portcullis.ts';
import type { ServerProcess } from './processes.ts';

/** What is measured against what, in words of the report. */
export type Subject = 'direct' | 'bare proxy' | 'Portcullis' | 'Portcullis, limits';

/** The kinds of traffic. */
export type Traffic = 'http 2025-11-25' | 'http 2026-07-28' | 'stdio' | 'stdio lean';

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
	/** Program and folder of the real filesystem server. */
	readonly filesArgs: readonly string[];
}

const CONNECTIONS = [1, 16];

type Candidate = Omit<Case, 'connections'>;

type Wanted = { readonly only: 'http' | 'stdio' | undefined; readonly isLimited: boolean };

function httpCandidates(subjects: Subjects, era: 'legacy' | 'modern', isLimited: boolean): Candidate[] {
	const { upstream, bareProxy, portcullis } = subjects;
	const traffic = era === 'legacy' ? 'http 2025-11-25' : 'http 2026-07-28';
	const server = era === 'legacy' ? 'http' : 'http-modern';
	const plain = { kind: 'http', era, path: `/${era}/mcp`, call: 'echo' } as const;
	const gateway = { ...plain, path: `/w/bench/s/${server}/mcp` };
	const limited = { ...plain, path: `/w/limited/s/${server}/mcp` };
	return [
		{ traffic, subject: 'direct', target: { ...plain, ...upstream } },
		{ traffic, subject: 'bare proxy', target: { ...plain, ...bareProxy } },
		...(portcullis ? [{ traffic, subject: 'Portcullis', target: { ...gateway, ...portcullis } } as const] : []),
		...(portcullis && isLimited
			? [{ traffic, subject: 'Portcullis, limits', target: { ...limited, ...portcullis } } as const]
			: []),
	];
}

/** A real server of the field at real work, and a lean one that shows what the way itself costs. */
function stdioCandidates({ bareBridge, portcullis, filesArgs }: Subjects): Candidate[] {
	const gateway = { kind: 'http', era: 'legacy' } as const;
	const through = (server: string, call: CallKind, traffic: Traffic): Candidate[] => {
		const target = { ...gateway, path: `/w/bench/s/${server}/mcp`, call } as const;
		return portcullis ? [{ traffic, subject: 'Portcullis', target: { ...target, ...portcullis } }] : [];
	};
	return [
		{ traffic: 'stdio', subject: 'direct', target: { kind: 'stdio', args: filesArgs, call: 'read' } },
		...through('files', 'read', 'stdio'),
		{ traffic: 'stdio lean', subject: 'direct', target: { kind: 'stdio', args: [STDIO_UPSTREAM], call: 'echo' } },
		{ traffic: 'stdio lean', subject: 'bare proxy', target: { ...gateway, path: '/', call: 'echo', ...bareBridge } },
		...through('stdio', 'echo', 'stdio lean'),
	];
}

/** Everything one round measures, in the order of the report. */
export function listCases(subjects: Subjects, { only, isLimited }: Wanted): Case[] {
	const http = [...httpCandidates(subjects, 'legacy', isLimited), ...httpCandidates(subjects, 'modern', isLimited)];
	const candidates = [...(only === 'stdio' ? [] : http), ...(only === 'http' ? [] : stdioCandidates(subjects))];
	return CONNECTIONS.flatMap((connections) => candidates.map((candidate) => ({ ...candidate, connections })));
}
