import pg from 'pg';
import { createStore } from '../../src/store/store.ts';
import { verifyChain } from '../../src/store/verify-chain.ts';
import type { TestDatabase } from './postgres.ts';

/** One record as the database has it. */
export interface HistoryRecord {
	/** Id of the workspace in whose chain it stands. */
	readonly chain: string;
	readonly seq: number;
	readonly request: string;
	readonly kind: string;
	readonly server: string | null;
	readonly tool: string | null;
	readonly outcome: string | null;
	readonly code: string | null;
	readonly oid: string | null;
	readonly durationMs: number | null;
	/** ISO 8601, the hour it counts in. */
	readonly hour: string;
	/** Whose it says it is. */
	readonly said: { readonly workspace?: string; readonly workspaceId?: string };
}

/** What is counted of one tool in one hour. */
export interface HistoryUsage {
	readonly chain: string;
	readonly hour: string;
	readonly server: string;
	readonly tool: string;
	readonly calls: number;
	readonly errors: number;
	readonly refusals: number;
	readonly durationMs: number;
}

/** All that the database knows of what happened. */
export interface Kept {
	/** Slug of each workspace, by id. */
	readonly workspaces: ReadonlyMap<string, string>;
	readonly records: readonly HistoryRecord[];
	readonly usage: readonly HistoryUsage[];
	/** What is wrong with chains, one sentence for each. */
	readonly brokenChains: readonly string[];
}

const HOUR = `to_char(date_trunc('hour', %, 'UTC') at time zone 'UTC', 'YYYY-MM-DD"T"HH24')`;

/** Reads it past all row security. */
export async function readKept(database: TestDatabase): Promise<Kept> {
	const client = new pg.Client(database.superuser);
	await client.connect();
	try {
		const { rows } = await client.query('select workspace_id as id, slug from portcullis.workspace');
		const workspaces = new Map(rows.map(({ id, slug }) => [id as string, slug as string]));
		return {
			workspaces,
			records: await readRecords(client),
			usage: await readUsage(client),
			brokenChains: await readChains(database, workspaces),
		};
	} finally {
		await client.end();
	}
}

async function readRecords(client: pg.Client): Promise<readonly HistoryRecord[]> {
	const { rows } = await client.query(
		`select workspace_id as chain, seq::float8 as seq, request, kind, server, tool, outcome, code, oid,
			duration_ms as "durationMs", ${HOUR.replace('%', 'at')} as hour, line
		 from portcullis.audit_event order by workspace_id, audit_event.seq`,
	);
	return rows.map(({ line, ...row }) => ({ ...row, said: JSON.parse(line) }) as HistoryRecord);
}

async function readUsage(client: pg.Client): Promise<readonly HistoryUsage[]> {
	const { rows } = await client.query(
		`select workspace_id as chain, ${HOUR.replace('%', 'hour')} as hour, server, tool, calls::float8 as calls,
			errors::float8 as errors, refusals::float8 as refusals, duration_ms::float8 as "durationMs"
		 from portcullis.usage_hour`,
	);
	return rows as HistoryUsage[];
}

async function readChains(database: TestDatabase, workspaces: Kept['workspaces']): Promise<readonly string[]> {
	const store = createStore({ connections: database });
	const broken: string[] = [];
	try {
		for (const [id, slug] of workspaces) {
			const verdict = await store.withWorkspace(id, 'test', (tx) => verifyChain(tx));
			if (!verdict.intact) broken.push(`the chain of ${slug} is ${verdict.fault} at ${verdict.seq}`);
		}
		const platform = await store.asPlatform.standing('test', (tx) => verifyChain(tx));
		if (!platform.intact) broken.push(`the chain of the platform is ${platform.fault} at ${platform.seq}`);
		return broken;
	} finally {
		await store.close();
	}
}
