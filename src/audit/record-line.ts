import type { RecordMark } from './file-record.ts';

/** Text of one record, without its line break. The request id is the gateway's own and plain text. */
export function recordLine(time: string, { kind, requestId }: Omit<RecordMark, 'subject'>, known: object): string {
	const head = `{"time":"${time}","kind":"${kind}","request":"${requestId}"`;
	const rest = JSON.stringify(known);
	return rest === '{}' ? `${head}}` : `${head},${rest.slice(1)}`;
}

/** The outcome of a call whose end nobody could record. */
export function unknownLine(time: string, { requestId, subject }: Omit<RecordMark, 'kind'>): string {
	const { workspace, workspaceId, server, tool } = subject;
	const known = { workspace, workspaceId, server, tool, outcome: 'unknown' };
	return recordLine(time, { kind: 'outcome', requestId }, known);
}

/** How a line begins. */
export interface RecordHead extends Pick<RecordMark, 'kind'> {
	readonly request: string;
}

const HEAD = /^\{"time":"[^"]*","kind":"(intent|outcome|gap)","request":"([^"]*)"/;

/** The beginning of a line, a twentieth of the cost of reading it all; `undefined` where it does not begin so. */
export function headOf(line: string): RecordHead | undefined {
	const [, kind, request = ''] = HEAD.exec(line) ?? [];
	return kind === undefined ? undefined : { kind: kind as RecordMark['kind'], request };
}
