import type { RecordMark, RecordSubject } from './file-record.ts';

/** One kept line, read: the members of docs/audit.md under their own names. */
export interface AuditRecord extends RecordSubject {
	/** The line as it was kept. */
	readonly line: string;
	/** ISO 8601, UTC. Together with `request` and `kind` it names the record: a line may be shipped twice. */
	readonly time: string;
	readonly kind: RecordMark['kind'];
	readonly request: string;
	readonly address?: string;
	readonly vouchedBy?: string;
	readonly era?: string;
	readonly method?: string;
	readonly route?: string;
	readonly level?: string;
	readonly credential?: string;
	readonly outcome?: string;
	readonly code?: string;
	readonly stage?: string;
	readonly detail?: string;
	readonly principal?: { readonly issuer: string; readonly tid: string; readonly oid: string };
	readonly reasons?: readonly string[];
	readonly rules?: readonly string[];
	readonly durationMs?: number;
	/** Of a gap: how many records are missing, and from when on. */
	readonly count?: number;
	readonly since?: string;
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isTime = (value: unknown): boolean => isText(value) && !Number.isNaN(Date.parse(value as string));
const isPerson = (value: unknown): boolean => {
	const { issuer, tid, oid } = (value ?? {}) as Record<string, unknown>;
	return [issuer, tid, oid].every(isText);
};

const KINDS: readonly unknown[] = ['intent', 'outcome', 'gap'] satisfies readonly RecordMark['kind'][];

/** What each member has to be; members that are not named here are passed over. */
const MEMBERS: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
	...[
		'workspace',
		'workspaceId',
		'server',
		'tool',
		'address',
		'vouchedBy',
		'era',
		'method',
		'route',
		'level',
		'credential',
	].map((name) => [name, isText] as const),
	...['outcome', 'code', 'stage', 'detail'].map((name) => [name, isText] as const),
	...['reasons', 'rules'].map((name) => [name, isTexts] as const),
	...['durationMs', 'count'].map((name) => [name, Number.isFinite] as const),
	['principal', isPerson],
	['since', isTime],
]);

/** Reads one line; `undefined` where it is not a record, such as half of one. */
export function parseAuditRecord(line: string): AuditRecord | undefined {
	const value = parseObject(line);
	if (value === undefined) return undefined;
	const { time, kind, request } = value;
	if (!isTime(time) || !KINDS.includes(kind) || !isText(request)) return undefined;
	const record: Record<string, unknown> = { line, time, kind, request };
	for (const [name, fits] of MEMBERS) {
		const member = value[name];
		if (member === undefined) continue;
		if (!fits(member)) return undefined;
		record[name] = member;
	}
	return record as unknown as AuditRecord;
}

function parseObject(line: string): Readonly<Record<string, unknown>> | undefined {
	try {
		const value: unknown = JSON.parse(line);
		return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
	} catch {
		return undefined;
	}
}
