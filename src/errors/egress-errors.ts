import { type ErrorRow, row } from './error-row.ts';

/** Errors of requests to addresses that somebody else has named: part of the table. */
export const EGRESS_ERRORS = {
	PC_EGRESS_REFUSED: row(
		'upstream',
		502,
		-31502,
		'The address that was named may not be reached from the gateway, or there is none of this name; ask its operator.',
	),
	PC_EGRESS_FAILED: row(
		'upstream',
		502,
		-31502,
		'The address that was named cannot be reached; try again shortly or tell the workspace administrator.',
	),
	PC_EGRESS_TIMEOUT: row(
		'upstream',
		504,
		-31504,
		'The address that was named did not answer in time; try again shortly.',
	),
	PC_EGRESS_TOO_LARGE: row(
		'upstream',
		502,
		-31502,
		'The answer of the address that was named is larger than the gateway accepts; tell the workspace administrator.',
	),
} as const satisfies Record<string, ErrorRow>;
