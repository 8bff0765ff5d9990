import { type ErrorRow, row } from './error-row.ts';

/** What people can meet at the pages where they connect their accounts. */
export const CONNECT_ERRORS = {
	PC_CONNECT_NOT_SET_UP: row(
		'identity',
		404,
		-31404,
		'Nobody can sign in with a browser here yet; ask whoever runs the gateway.',
	),
	PC_CONNECT_INSECURE: row(
		'edge',
		400,
		-31400,
		'Signing in needs https; open the page under the https address of the gateway.',
	),
	PC_SIGN_IN_REFUSED: row(
		'identity',
		403,
		-31403,
		'Your directory did not sign you in, or you stopped on the way; you can try again.',
	),
	PC_SIGN_IN_FAILED: row(
		'identity',
		400,
		-31400,
		'The sign-in could not be completed; begin it again, and finish it in the same browser within ten minutes.',
	),
	PC_SIGNED_OUT: row(
		'identity',
		403,
		-31403,
		'You are not signed in any more, so nothing was changed; sign in and try again.',
	),
	PC_FORM_REFUSED: row(
		'edge',
		403,
		-31403,
		'This form is not one of your present session, so nothing was changed; go back to your connections and try again.',
	),
	PC_FORM_INVALID: row('edge', 400, -31400, 'Something in the form is missing or too long, so nothing was kept.'),
	PC_LINK_FOREIGN: row(
		'edge',
		403,
		-31403,
		'This link was made for somebody else, or is damaged; sign in as the person whose call it was, or call again.',
	),
	PC_CONNECT_TARGET: row(
		'credentials',
		502,
		-31502,
		'The service wants you to sign in at an address that cannot be trusted; tell whoever runs the gateway.',
	),
} as const satisfies Record<string, ErrorRow>;
