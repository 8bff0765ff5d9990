import type { Environment } from '../config/environment.ts';
import { exitCodeOf } from './command-error.ts';

/** What a command may touch. Texts are whole lines without the last line break. */
export interface CommandIo {
	readonly env: NodeJS.ProcessEnv;
	out(text: string): void;
	fail(text: string): void;
	/** Asks whoever sits at the terminal; `undefined`: nobody does. */
	ask(question: string): Promise<string | undefined>;
}

/** A running gateway. */
export interface Serving {
	readonly port: number;
	/** Resolves when it has drained and closed after a signal. */
	readonly stopped: Promise<void>;
}

/** Runs the gateway; given by `main.ts`. */
export type Serve = (environment: Environment) => Promise<Serving>;

/**
 * Runs a command; what goes wrong becomes one readable text and an exit code, never a stack: 1 refused or failed, 2
 * used wrongly or faulty settings, 3 the gateway or its database cannot be reached.
 */
export async function guarded(io: CommandIo, run: () => Promise<void>): Promise<void> {
	try {
		await run();
	} catch (error) {
		io.fail(sentenceOf(error));
		process.exitCode = exitCodeOf(error);
	}
}

function sentenceOf(error: unknown): string {
	const { code, message, port } = error as NodeJS.ErrnoException & { port?: number };
	if (code === 'EADDRINUSE') return `Port ${port} is taken; choose another with --port or --admin-port.`;
	return message;
}
