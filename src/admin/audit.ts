import * as z from 'zod';
import { type AuditEventRow, type AuditQuery, listAuditEvents } from '../store/queries/audit-event.ts';
import { type ChainPart, type ChainVerdict, verifyChain } from '../store/verify-chain.ts';
import { knownWorkspace } from './known-thing.ts';
import { openPage, PAGE_QUERY, pageOf } from './page.ts';
import { plainText } from './plain-text.ts';
import type { ResourceParts } from './resource-parts.ts';
import { type Context, defineRoute, type Route } from './route.ts';
import { SPAN_QUERY } from './span-query.ts';

const SEQ = z.string().regex(/^\d{1,18}$/);

const PERSON = z.object({ issuer: z.string(), tid: z.string(), oid: z.string() });

/** One record: its place, and its line as it was kept. */
const RECORD = z
	.looseObject({
		seq: SEQ.describe('Place in the chain, from 1.'),
		time: z.string(),
		kind: z.string().describe('intent, outcome, gap, change or platform.'),
		request: z.string().describe('Request id; an intent and its outcome have the same.'),
		principal: PERSON.optional(),
		method: z.string().optional(),
		server: z.string().optional(),
		tool: z.string().optional(),
		outcome: z.string().optional(),
		code: z.string().optional(),
		reasons: z.array(z.string()).optional(),
		rules: z.array(z.string()).optional(),
		durationMs: z.number().optional(),
	})
	.meta({ id: 'AuditRecord', description: 'Further members: docs/audit.md.' });

/** Query parameters of a list of records. */
export const AUDIT_QUERY = {
	...PAGE_QUERY,
	...SPAN_QUERY,
	kind: plainText(32).optional(),
	outcome: plainText(32).optional(),
	code: plainText(64).optional().describe('Of a refusal or failure.'),
	server: plainText(63).optional(),
	tool: plainText(512).optional().describe('By the name its server gives it.'),
	oid: plainText(128).optional().describe('Who.'),
	request: plainText(128).optional(),
};

/** What a list of records answers. */
export const AUDIT_PAGE = pageOf(RECORD);

type Listing = Pick<Context, 'operation'> & {
	readonly params: { readonly workspace?: string };
	readonly query: z.output<z.ZodObject<typeof AUDIT_QUERY>>;
};

/** One page of records, newest first, by whoever reads them. */
export async function auditPage(
	context: Listing,
	read: (query: AuditQuery) => Promise<readonly AuditEventRow[]>,
): Promise<z.output<typeof AUDIT_PAGE>> {
	const page = openPage(context, SEQ);
	const { limit: _, cursor: __, ...wanted } = context.query;
	const rows = await read({ ...wanted, before: page.after, limit: page.rows });
	return page.answer(rows, { keyOf: ({ seq }) => seq, itemOf: recordOf });
}

// A line that somebody spoiled in the database must not hide the others; verification tells of it.
function recordOf({ seq, at, kind, request, line }: AuditEventRow): z.output<typeof RECORD> {
	const columns = { seq, time: at.toISOString(), kind, request };
	const read = RECORD.safeParse({ ...columns, ...membersOf(line), seq });
	return read.success ? read.data : columns;
}

function membersOf(line: string): object {
	try {
		return JSON.parse(line) as object;
	} catch {
		return {};
	}
}

/** A second or two, and less than a request may take on the slowest disk. */
const MOST_RECORDS = 250_000;

/** Query parameters of a verification. */
export const VERIFICATION_QUERY = {
	limit: z.coerce.number().int().min(1).max(MOST_RECORDS).default(MOST_RECORDS).describe('How many records at most.'),
	cursor: PAGE_QUERY.cursor.describe('`next` of the part before.'),
};

/** What a verification answers. */
export const VERIFICATION = z
	.strictObject({
		intact: z.boolean().describe('Whether every record that was looked at is as it was written.'),
		records: z.number().describe('How many were looked at and right.'),
		seq: z.string().describe('The last one; where it is not intact, the first place that is wrong.'),
		head: z.string().optional().describe('SHA-256 of the last one, hex; keep it elsewhere, to compare it later.'),
		fault: z.enum(['changed', 'missing', 'columns-differ', 'end-missing', 'beyond-end']).optional(),
		next: z.string().optional().describe('Cursor of the next part; absent where there is nothing more to look at.'),
	})
	.meta({ id: 'AuditVerification' });

type Verifying = Pick<Context, 'operation' | 'signal'> & {
	readonly params: { readonly workspace?: string };
	readonly query: z.output<z.ZodObject<typeof VERIFICATION_QUERY>>;
};

const PLACE = z.tuple([SEQ, z.string().regex(/^[0-9a-f]{64}$/)]);

/** The verdict about one part of a chain, by whoever follows it. */
export async function verification(
	context: Verifying,
	follow: (part: ChainPart) => Promise<ChainVerdict>,
): Promise<z.output<typeof VERIFICATION>> {
	const page = openPage(context, PLACE);
	const [seq, head] = page.after ?? [];
	const after = seq === undefined || head === undefined ? undefined : { seq, hash: Buffer.from(head, 'hex') };
	const verdict = await follow({ after, most: context.query.limit, signal: context.signal });
	if (!verdict.intact) return verdict;
	const { complete, ...found } = verdict;
	return complete ? found : { ...found, next: page.cursorAt([verdict.seq, verdict.head]) };
}

/** Records of a workspace. */
export function createAuditRoutes({ store }: ResourceParts): readonly Route[] {
	return [
		defineRoute({
			id: 'listAuditRecords',
			method: 'GET',
			path: '/workspaces/:workspace/audit',
			summary: 'What happened in the workspace, newest first',
			authorize: { workspace: 'admin' },
			query: AUDIT_QUERY,
			responses: { 200: AUDIT_PAGE },
			async handle(context) {
				const { id } = knownWorkspace(context.snapshot, context.params.workspace);
				const body = await auditPage(context, (query) =>
					store.withWorkspace(id, 'read-audit', (tx) => listAuditEvents(tx, query)),
				);
				return { status: 200, body };
			},
		}),
		defineRoute({
			id: 'verifyAudit',
			method: 'GET',
			path: '/workspaces/:workspace/audit/verification',
			summary: 'Whether all records of the workspace are there, as they were written',
			authorize: { workspace: 'admin' },
			query: VERIFICATION_QUERY,
			responses: { 200: VERIFICATION },
			async handle(context) {
				const { id } = knownWorkspace(context.snapshot, context.params.workspace);
				const body = await verification(context, (part) =>
					store.withWorkspace(id, 'verify-audit', (tx) => verifyChain(tx, part)),
				);
				return { status: 200, body };
			},
		}),
	];
}
