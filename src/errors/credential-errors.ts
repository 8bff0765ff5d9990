import { type ErrorRow, row } from './error-row.ts';

/** Errors of the credentials stage, in the order of the table. */
export const CREDENTIAL_ERRORS = {
	PC_CREDENTIAL_MISSING: row(
		'credentials',
		502,
		-31502,
		'The workspace has no working credential for this server; tell its administrator.',
	),
	PC_KEYS_MISSING: row('credentials', 503, -31503, 'The gateway has no key to keep secrets with; tell its operator.'),
	PC_KEYS_UNAVAILABLE: row(
		'credentials',
		503,
		-31503,
		'The keys that secrets are kept with cannot be reached at the moment; try again shortly.',
	),
	PC_SECRET_UNREADABLE: row(
		'credentials',
		502,
		-31502,
		'A kept secret cannot be read; enter it again or tell the administrator of the workspace.',
	),
} as const satisfies Record<string, ErrorRow>;
