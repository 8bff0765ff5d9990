import { type ErrorRow, row } from './error-row.ts';

/** Errors of the identity stage: part of the table. */
export const IDENTITY_ERRORS = {
	PC_TOKEN_MISSING: row(
		'identity',
		401,
		-31401,
		'Sign in: send an access token in one Authorization header, as "Bearer <token>".',
	),
	PC_TOKEN_MALFORMED: row(
		'identity',
		401,
		-31401,
		'The access token is not a well-formed RS256 JSON Web Token; sign in again.',
	),
	PC_TOKEN_SIGNATURE: row(
		'identity',
		401,
		-31401,
		'The access token is not signed by a key of its directory; sign in again.',
	),
	PC_TOKEN_ISSUER: row('identity', 401, -31401, 'The access token comes from a directory that is not accepted here.'),
	PC_TOKEN_AUDIENCE: row(
		'identity',
		401,
		-31401,
		'The access token was issued for another application; ask for one with this gateway as its audience.',
	),
	PC_TOKEN_EXPIRED: row('identity', 401, -31401, 'The access token has expired; sign in again.'),
	PC_TOKEN_NOT_YET_VALID: row(
		'identity',
		401,
		-31401,
		'The access token is not valid yet; check the clock of the machine that asked for it.',
	),
	PC_TOKEN_KIND: row(
		'identity',
		401,
		-31401,
		'This is no access token: it names neither a scope nor an app role, as ID tokens do not; send the access token.',
	),
	PC_TOKEN_GRAPH: row(
		'identity',
		401,
		-31401,
		'This is a token for Microsoft Graph, which nobody else can check; ask for one for this gateway.',
	),
	PC_TOKEN_CLIENT: row(
		'identity',
		401,
		-31401,
		'The access token was issued to an application that may not be used with this gateway; use another client.',
	),
	PC_TOKEN_SCOPE: row(
		'identity',
		403,
		-31403,
		'The access token lacks the scope of this gateway; sign in again and agree to it.',
	),
	PC_TOKEN_GUEST: row(
		'identity',
		401,
		-31401,
		'Guests of the directory are not accepted here; sign in with an account of its own.',
	),
	PC_TOKEN_IDENTITY: row(
		'identity',
		401,
		-31401,
		'The access token lacks the person (oid) or directory (tid) it speaks for.',
	),
	PC_TOKEN_GROUPS_UNKNOWN: row(
		'identity',
		401,
		-31401,
		'The access token says the list of groups was too long to include, so your workspaces are unknown; ask for app roles instead.',
	),
	PC_TOO_MANY_FAILURES: row(
		'identity',
		429,
		-31429,
		'Too many sign-ins from your network address have failed; wait as many seconds as retry_after says, then try again.',
	),
	PC_EDGE_REFUSED: row(
		'identity',
		401,
		-31401,
		'The proof of the edge in front of the gateway was refused; ask whoever runs it.',
	),
	PC_EDGE_IDENTITY: row(
		'identity',
		401,
		-31401,
		'The edge in front of the gateway does not say who you are in a way that is accepted here; ask whoever runs it.',
	),
	PC_EDGE_MISMATCH: row(
		'identity',
		401,
		-31401,
		'The access token belongs to somebody else than the edge in front of the gateway says; sign in again.',
	),
	PC_EDGE_BUSY: row(
		'identity',
		503,
		-31503,
		'The gateway cannot tell new assertions from repeated ones at the moment; try again shortly.',
	),
	PC_GROUPS_UNAVAILABLE: row(
		'identity',
		503,
		-31503,
		'Your groups cannot be looked up in your directory at the moment; try again shortly.',
	),
	PC_DIRECTORY_UNAVAILABLE: row(
		'identity',
		503,
		-31503,
		'The keys of your directory cannot be read at the moment; try again shortly.',
	),

	PC_KEY_INVALID: row(
		'identity',
		401,
		-31401,
		'The API key is not accepted: it is mistyped, unknown or expired, or may not be used from here; ask whoever gave it to you.',
	),

	PC_OPEN_WEBUI_TOKEN: row(
		'identity',
		403,
		-31403,
		'Open WebUI did not say who is asking in a way that is accepted here; ask whoever runs it to check its forwarded header.',
	),
	PC_PERSON_UNKNOWN: row(
		'identity',
		403,
		-31403,
		'Open WebUI named somebody who is not known in this workspace; ask one of its administrators to link your account.',
	),
} as const satisfies Record<string, ErrorRow>;
