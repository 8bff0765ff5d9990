import * as z from 'zod';
import type { OAuthSettings } from './oauth-settings.ts';
import { text } from './schema-text.ts';
import { protectedUrlFault, type TextRule } from './text-rules.ts';

/** How a credential is got by signing in; names no secret. */
export function oauthSchema() {
	return z.strictObject({
		grant: z.enum(['authorization-code', 'client-credentials']).default('authorization-code'),
		issuer: text(protectedUrlFault).optional(),
		scopes: z.array(text(scopeFault)).min(1).optional(),
	});
}

/** The entry as the snapshot has it. */
export function oauthOf({ grant, issuer, scopes }: z.output<ReturnType<typeof oauthSchema>>): OAuthSettings {
	return { grant, issuer, scopes };
}

// RFC 6749 §3.3.
const scopeFault: TextRule = (scope) =>
	/^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(scope)
		? undefined
		: 'a scope is a word without spaces, quotes and backslashes';
