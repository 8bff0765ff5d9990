import { errorCode, PortcullisError } from '../errors/portcullis-error.ts';

/** SQLSTATE of rows that are there already (23505), still needed or not there (23503): PostgreSQL, appendix A. */
const CONFLICTS: ReadonlySet<string> = new Set(['23505', '23503']);
/** Classes that say "later": connection, rolled back by others, resources, operator intervention (a time-out too), system. */
const GONE_CLASSES: ReadonlySet<string> = new Set(['08', '40', '53', '57', '58']);
const GONE_SYSTEM: ReadonlySet<string> = new Set([
	'ECONNREFUSED',
	'ECONNRESET',
	'ENOENT',
	'ENOTFOUND',
	'EAI_AGAIN',
	'EPIPE',
	'ETIMEDOUT',
	'EHOSTUNREACH',
	'ENETUNREACH',
]);
/** The driver gives these no code. */
const GONE_SENTENCE =
	/timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error|not queryable|Cannot use a pool after/;

/**
 * An error of the database as one of ours. Its text stays in `cause` and goes nowhere: PostgreSQL's details quote
 * values of rows. Errors of ours pass as they are.
 */
export function storeError(error: unknown): PortcullisError {
	if (errorCode(error) !== undefined && error instanceof PortcullisError) return error;
	const { code } = error as { code?: unknown };
	const state = typeof code === 'string' ? code : '';
	const detail = `database: ${state || 'no code'}`;
	if (CONFLICTS.has(state)) return new PortcullisError('PC_CONFLICT', { detail }, { cause: error });
	if (isGone(state, error)) return new PortcullisError('PC_STORE_UNAVAILABLE', { detail }, { cause: error });
	return new PortcullisError('PC_INTERNAL', { detail }, { cause: error });
}

/** An error of connecting: whatever the reason (a password that was changed, a database not there yet), it may end. */
export function connectError(error: unknown): PortcullisError {
	const known = storeError(error);
	if (known.code === 'PC_STORE_UNAVAILABLE') return known;
	return new PortcullisError('PC_STORE_UNAVAILABLE', known.facts, { cause: error });
}

function isGone(state: string, error: unknown): boolean {
	if (GONE_SYSTEM.has(state)) return true;
	if (/^[0-9A-Z]{5}$/.test(state)) return GONE_CLASSES.has(state.slice(0, 2));
	return error instanceof Error && GONE_SENTENCE.test(error.message);
}
