/** One thing wrong with the configuration file and where it stands. Never holds a value of the file. */
export interface Fault {
	/** From 1. */
	readonly line: number;
	/** From 1. */
	readonly column: number;
	/** Such as `workspaces.google.servers.jira.url`; empty when the fault is about the file as a whole. */
	readonly path: string;
	readonly message: string;
}

/** Everything wrong with a configuration file, in file order; the message has one line for each fault. */
export class ConfigFaults extends Error {
	override readonly name = 'ConfigFaults';
	readonly code = 'PC_CONFIG_INVALID';
	readonly faults: readonly Fault[];

	constructor(file: string, faults: readonly Fault[]) {
		const sorted = faults.toSorted((a, b) => a.line - b.line || a.column - b.column);
		super(sorted.map((fault) => faultLine(file, fault)).join('\n'));
		this.faults = Object.freeze(sorted);
	}
}

/** Whether the error says what is wrong with a configuration file, as opposed to a defect of the gateway. */
export function isConfigFaults(error: unknown): error is ConfigFaults {
	return (error as { code?: unknown } | undefined)?.code === 'PC_CONFIG_INVALID';
}

function faultLine(file: string, { line, column, path, message }: Fault): string {
	return `${file}:${line}:${column}${path === '' ? '' : ` ${path}`}: ${message}`;
}
