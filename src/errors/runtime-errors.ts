import { row } from './error-row.ts';

/** Errors of programs that are installed ahead. */
export const RUNTIME_ERRORS = {
	PC_RUNTIME_MISSING: row(
		'upstream',
		503,
		-31503,
		'The program of this server is not installed here; ask the operator of the gateway to install it.',
	),
	PC_RUNTIME_CHANGED: row(
		'upstream',
		503,
		-31503,
		'The program of this server is not as it was installed, so it is not started; tell the operator of the gateway.',
	),
	PC_RUNTIME_UNFIT: row(
		'upstream',
		503,
		-31503,
		'The program of this server cannot run on the machine of the gateway; tell its operator.',
	),
} as const;
