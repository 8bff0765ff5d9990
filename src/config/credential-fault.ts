import { type CallTemplate, isNamed } from '../lib/secret.ts';
import type { Transport } from './snapshot.ts';

/** What of a server says whose credential it takes, and where that goes; as far as it could be read. */
export interface CredentialParts {
	readonly credential?: string;
	readonly url?: { readonly template: CallTemplate | undefined };
	readonly headers?: ReadonlyMap<string, CallTemplate>;
	readonly env?: ReadonlyMap<string, CallTemplate>;
}

/** What is wrong between whose credential it is and what is said of it; `undefined` when nothing is. */
export function credentialFault({ credential, url, headers, env }: CredentialParts): string | undefined {
	const templates = [url?.template, ...maps(headers), ...maps(env)];
	const named = namedIn(templates.filter((template) => template !== undefined));
	if (credential === 'none' && named.size > 0) return 'none has no secret to name; say whose it is';
	if (credential?.startsWith('principal') === true && named.size === 0) {
		return "say what is sent of a person's credential: name it as ${secret:NAME} in headers, env or url";
	}
	return undefined;
}

// What could not be read has a fault of its own already.
function maps(templates: unknown): readonly CallTemplate[] {
	return templates instanceof Map ? [...(templates as ReadonlyMap<string, CallTemplate>).values()] : [];
}

/** Names of the secrets that a server takes out of its credential. */
export function secretNames(transport: Transport): ReadonlySet<string> {
	if (transport.kind === 'stdio') return namedIn([...transport.env.values()]);
	const url = transport.kind === 'openapi' ? undefined : transport.urlTemplate;
	return namedIn([url ?? [], ...transport.headers.values()]);
}

function namedIn(templates: readonly CallTemplate[]): ReadonlySet<string> {
	return new Set(templates.flatMap((template) => template.filter(isNamed).map(({ named }) => named)));
}
