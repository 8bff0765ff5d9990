/** What the bench asks of its load generator, and what it gets back, over IPC. Types and the request text only. */

/** Where the calls go. */
export type LoadTarget =
	| {
			readonly kind: 'http';
			readonly port: number;
			readonly path: string;
			readonly era: 'legacy' | 'modern';
			readonly call: CallKind;
			readonly token?: string | undefined;
			/** The process under test, for its CPU time. */
			readonly pid: number;
	  }
	| { readonly kind: 'stdio'; readonly args: readonly string[]; readonly call: CallKind };

/** What is called: an echo of about 1 KB, or a file of about 1 KB read by the filesystem server. */
export type CallKind = 'echo' | 'read';

/** One measurement to take. */
export interface LoadOrder {
	readonly target: LoadTarget;
	/** Calls in flight at any time, each on a connection of its own over http. */
	readonly connections: number;
	readonly warmUpMs: number;
	readonly measureMs: number;
}

/** One measurement taken; CPU time is undefined where /proc is missing. */
export interface LoadResult {
	readonly callsPerSecond: number;
	readonly p50Ms: number;
	readonly p99Ms: number;
	readonly cpuMicrosPerCall: number | undefined;
}

/** The generator's answer to one order. */
export type LoadReport = { readonly result: LoadResult } | { readonly error: string };

/** The smallest id: all ids have ten digits, so that a request has one length. */
export const FIRST_ID = 1_000_000_000;

const FILLER = 'abcdefghijklmnopqrstuvwxyz012345'.repeat(28);
const ENVELOPE =
	',"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}';

/** Name of the file that `read` calls for, and what stands in it. */
export const BENCH_FILE = { name: 'bench.txt', text: FILLER } as const;

/** The `tools/call` with this id; an echo's text is unlike that of every other call. */
export function callText(id: number, era: 'legacy' | 'modern', call: CallKind): string {
	const subject =
		call === 'echo'
			? `"name":"echo","arguments":{"text":"${id}${FILLER}"}`
			: `"name":"read_text_file","arguments":{"path":"${BENCH_FILE.name}"}`;
	const params = `{${subject}${era === 'modern' ? ENVELOPE : ''}}`;
	return `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${params}}`;
}

/** Whether this is the result of the call with this id: the id is right and the text came back. */
export function isAnswerTo(id: number, text: string, call: CallKind): boolean {
	const at = text.indexOf(`"id":${id}`);
	const after = text.charCodeAt(at + 15);
	// A comma or a closing brace must follow, or the id is only the beginning of another one.
	return at >= 0 && (after === 44 || after === 125) && text.includes(`"${call === 'echo' ? id : ''}${FILLER}"`);
}
