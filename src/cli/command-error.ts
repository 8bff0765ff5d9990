/** How a command ends that does not do what it was asked: refused or failed, used wrongly, nobody reached. */
export type ExitCode = 1 | 2 | 3;

/** What keeps a command from its work; the message is all that is said of it. */
export class CommandError extends Error {
	override readonly name = 'CommandError';
	readonly exitCode: ExitCode;

	constructor(exitCode: ExitCode, message: string, options: { readonly cause?: unknown } = {}) {
		super(message, options);
		this.exitCode = exitCode;
	}
}

/** The command was refused, or failed. */
export function failed(message: string): CommandError {
	return new CommandError(1, message);
}

/** The command was used wrongly, or its settings are at fault. */
export function usageFault(message: string): CommandError {
	return new CommandError(2, message);
}

/** The gateway, or its database, cannot be reached. */
export function unreachable(message: string, cause?: unknown): CommandError {
	return new CommandError(3, message, { cause });
}

const FAULTY: readonly unknown[] = ['PC_CONFIG_INVALID', 'PC_ENVIRONMENT_INVALID'];
const GONE: readonly unknown[] = ['PC_STORE_UNAVAILABLE', 'PC_STORE_START_FAILED'];

/** The exit code that an error stands for, whoever threw it. */
export function exitCodeOf(error: unknown): ExitCode {
	const { exitCode, code } = error as { readonly exitCode?: ExitCode; readonly code?: unknown };
	if (error instanceof CommandError && exitCode !== undefined) return exitCode;
	if (FAULTY.includes(code)) return 2;
	return GONE.includes(code) ? 3 : 1;
}
