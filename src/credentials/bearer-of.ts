import type { Secret } from '../lib/secret.ts';

/** The `Authorization` header with which the command line signs in at a gateway. */
export function bearerOf(token: Secret): string {
	return `Bearer ${token.reveal()}`;
}
