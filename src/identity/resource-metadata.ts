import type { Directory } from '../config/snapshot.ts';

/** OAuth protected resource metadata (RFC 9728 §2); the members are named by the RFC. */
export interface ResourceMetadata {
	readonly resource: string;
	readonly authorization_servers: readonly string[];
	readonly bearer_methods_supported: readonly ['header'];
	readonly scopes_supported?: readonly string[];
	readonly resource_name: string;
}

/** What the document of one MCP address says. */
export interface ResourceDescription {
	/** Address as the client uses it; RFC 9728 §3.3 has the client compare it character by character. */
	readonly resource: string;
	readonly directories: readonly Pick<Directory, 'issuer' | 'scopes'>[];
	/** Name for people. */
	readonly name: string;
}

/** The metadata document of an MCP address: sign in with one of the directories, send the token in the header. */
export function resourceMetadata({ resource, directories, name }: ResourceDescription): ResourceMetadata {
	const scopes = scopesToAskFor(directories);
	return {
		resource,
		authorization_servers: [...new Set(directories.map((directory) => directory.issuer))],
		bearer_methods_supported: ['header'],
		...(scopes.length > 0 && { scopes_supported: scopes }),
		resource_name: name,
	};
}

/** Scopes that clients ask these directories for, each once. */
export function scopesToAskFor(directories: readonly Pick<Directory, 'scopes'>[]): readonly string[] {
	return [...new Set(directories.flatMap(({ scopes = [] }) => scopes))];
}
