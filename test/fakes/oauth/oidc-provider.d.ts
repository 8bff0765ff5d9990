/** What the tests use of a package that is written in JavaScript. */
declare module 'oidc-provider' {
	import type { RequestListener } from 'node:http';

	export interface OidcContext {
		path: string;
		method: string;
		status: number;
		body: unknown;
		type: string;
		set(name: string, value: string): void;
		get(name: string): string;
		readonly oidc?: { readonly body?: Readonly<Record<string, unknown>> };
	}

	export interface OidcToken {
		readonly accountId?: string;
		readonly clientId: string;
		readonly aud?: string | readonly string[];
		readonly scope?: string;
		readonly isValid: boolean;
	}

	export class Provider {
		constructor(issuer: string, configuration: object);
		readonly AccessToken: { find(token: string): Promise<OidcToken | undefined> };
		readonly ClientCredentials: { find(token: string): Promise<OidcToken | undefined> };
		use(middleware: (context: OidcContext, next: () => Promise<void>) => Promise<void>): void;
		on(event: string, listener: (...args: never[]) => void): void;
		callback(): RequestListener;
	}
}
