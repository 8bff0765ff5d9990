import { type ErrorRow, row } from './error-row.ts';

/** Errors of connecting to services by OAuth: part of the table. */
export const OAUTH_ERRORS = {
	PC_OAUTH_UNDISCOVERED: row(
		'credentials',
		502,
		-31502,
		'The server does not say where one signs in for it; ask the workspace administrator to name its authorization server.',
	),
	PC_OAUTH_METADATA: row(
		'credentials',
		502,
		-31502,
		'What the service says about its sign-in contradicts itself or is not safe, so it was not used; tell the workspace administrator.',
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
		'The service does not let applications register themselves; ask the workspace administrator to register this gateway there and to store the client it is given.',
	),
	PC_OAUTH_CLIENT_REFUSED: row(
		'credentials',
		502,
		-31502,
		'The service does not accept this gateway as its client; ask the workspace administrator to register it again.',
	),
	PC_OAUTH_STATE: row(
		'credentials',
		400,
		-31400,
		'This sign-in is unknown, has been used or has expired, or was begun in another browser or by somebody else; begin again on the connect page.',
	),
	PC_OAUTH_ISSUER: row(
		'credentials',
		400,
		-31400,
		'The answer to the sign-in names another authorization server than was asked, so it was not used; begin again, and tell the workspace administrator if it happens twice.',
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
