import { type ErrorRow, row } from './error-row.ts';

/** Errors of connecting to services by OAuth: part of the table. */
export const OAUTH_ERRORS = {
	PC_OAUTH_UNDISCOVERED: row(
		'credentials',
		502,
		-31502,
		'The server does not say where one signs in for it; ask the workspace administrator to name its issuer.',
	),
	PC_OAUTH_METADATA: row(
		'credentials',
		502,
		-31502,
		'What the service says about its sign-in contradicts itself or is not safe; tell the workspace administrator.',
	),
	PC_OAUTH_PKCE: row(
		'credentials',
		502,
		-31502,
		'The sign-in of the service does not announce PKCE with S256, without which nobody is connected; tell the workspace administrator.',
	),
	PC_OAUTH_CLIENT_NEEDED: row(
		'credentials',
		502,
		-31502,
		'This gateway cannot register itself at the service; ask the workspace administrator to store a client for the server.',
	),
	PC_OAUTH_CLIENT_REFUSED: row(
		'credentials',
		502,
		-31502,
		'The service does not accept this gateway as its client; ask the workspace administrator to register it again.',
	),
	PC_OAUTH_ISSUER: row(
		'credentials',
		400,
		-31400,
		'The sign-in was answered by another issuer than was asked, so nothing was done; begin again on the connect page.',
	),
	PC_OAUTH_DENIED: row(
		'credentials',
		400,
		-31400,
		'The service did not agree to the connection; begin again on the connect page if you want it.',
	),
	PC_OAUTH_INVALID: row(
		'credentials',
		502,
		-31502,
		'The sign-in of the service answered with something that is not OAuth; tell the workspace administrator.',
	),
	PC_OAUTH_REFUSED: row(
		'credentials',
		502,
		-31502,
		'The sign-in of the service refused the request; begin again on the connect page, or tell the workspace administrator.',
	),
	PC_OAUTH_UNAVAILABLE: row(
		'credentials',
		503,
		-31503,
		'The sign-in of the service does not answer at the moment; try again shortly.',
	),
	PC_OAUTH_ENDED: row(
		'credentials',
		502,
		-31502,
		'The connection to the service has ended there; connect the account again.',
	),
} as const satisfies Record<string, ErrorRow>;
