import type { Endpoint } from './endpoint-schema.ts';
import type { SecretField, SignIn, Variable } from './field-schema.ts';

/** What somebody has to bring so that an endpoint works. */
export interface EndpointNeeds {
	/** Not secret: `--set name=value`. Those without a default that are required must be given. */
	readonly variables: readonly Variable[];
	/** Secret: kept in the credential store; the workspace's, or each person's own. */
	readonly secrets: readonly SecretField[];
	readonly oauth: OAuthNeed;
	/** Set when only clients that the vendor approved are let in: bring your own client. */
	readonly ownClient: { readonly text: string; readonly link?: string } | undefined;
	/** The sign-in that this is about. */
	readonly signIn: SignIn;
}

/**
 * What the browser sign-in needs. `registers`: nothing, the gateway registers itself. `client`: a client created at the
 * vendor. `either`: try to register, and ask for a client when that is refused.
 */
export type OAuthNeed =
	| { readonly kind: 'none' }
	| { readonly kind: 'registers' | 'either'; readonly scopes: readonly string[] }
	| { readonly kind: 'client'; readonly scopes: readonly string[]; readonly where: string; readonly link?: string };

/** Exactly what an endpoint needs with one of its ways to sign in, by default the recommended one. */
export function needsOf(endpoint: Endpoint, signIn: SignIn = recommendedSignIn(endpoint)): EndpointNeeds {
	return {
		variables: endpoint.variables ?? [],
		secrets: signIn.secrets ?? [],
		oauth: oauthNeedOf(signIn),
		ownClient: isBrowserSignIn(signIn) ? endpoint.ownClient : undefined,
		signIn,
	};
}

/** The sign-in to use when nobody chose one: the first. */
export function recommendedSignIn(endpoint: Endpoint): SignIn {
	const [first] = endpoint.signIn;
	if (first === undefined) throw new TypeError(`endpoint ${endpoint.key} has no sign-in`);
	return first;
}

/** The sign-in of this kind; without one, the first that needs no browser. */
export function signInOf(endpoint: Endpoint, kind: string): SignIn | undefined {
	return endpoint.signIn.find((signIn) => signIn.kind === kind);
}

/** Whether a browser is needed for it. */
export function isBrowserSignIn({ kind }: SignIn): boolean {
	return kind.startsWith('oauth2');
}

function oauthNeedOf({ kind, scopes = [], client }: SignIn): OAuthNeed {
	if (kind === 'oauth2-dcr') return { kind: 'registers', scopes };
	if (kind === 'oauth2') return { kind: 'either', scopes };
	if (kind !== 'oauth2-preregistered') return { kind: 'none' };
	return {
		kind: 'client',
		scopes,
		where: client?.where ?? '',
		...(client?.link !== undefined && { link: client.link }),
	};
}
