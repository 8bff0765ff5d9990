import { type Environment, EnvironmentFaults } from '../config/environment.ts';
import { isConfigFaults } from '../config/faults.ts';

/** What a command may touch. Texts are whole lines without the last line break. */
export interface CommandIo {
	readonly env: NodeJS.ProcessEnv;
	out(text: string): void;
	fail(text: string): void;
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
 * faulty settings or configuration.
 */
export async function guarded(io: CommandIo, run: () => Promise<void>): Promise<void> {
	try {
		await run();
	} catch (error) {
		io.fail(sentenceOf(error));
		process.exitCode = isConfigFaults(error) || error instanceof EnvironmentFaults ? 2 : 1;
	}
}

function sentenceOf(error: unknown): string {
	const { code, message, port } = error as NodeJS.ErrnoException & { port?: number };
	if (code === 'EADDRINUSE') return `Port ${port} is taken; choose another with --port or --admin-port.`;
	return message;
}
