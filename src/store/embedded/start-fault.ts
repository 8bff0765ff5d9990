import { StartError } from '../start-error.ts';
import type { ProgramEnd } from './run-program.ts';

const LINES = 12;

/** What went wrong, where, and the last words of the program. No program is told a secret in words it could repeat. */
export function fault(what: string, where: string, end: ProgramEnd): StartError {
	const words = end.output.trim().split('\n').slice(-LINES).join('\n');
	const how = end.signal ?? (end.code === null ? 'not started' : `exit code ${end.code}`);
	return new StartError('PC_STORE_START_FAILED', `${what} (${where}; ${how}):\n${words}`);
}
