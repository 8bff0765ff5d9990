import type { Server } from '../config/snapshot.ts';
import type { Principal } from '../identity/principal.ts';
import { type ScopeKey, scopeKey } from '../lib/scope.ts';
import type { SecretTemplate } from '../lib/secret.ts';

/** The credential of one call, rendered. Lives only between this stage and the upstream; never logged. */
export interface Attached {
	/** Says which credential it was, in the audit; no part of its value. */
	readonly id: string;
	/** Scope of everything that this credential may share: pool, session, child process, cached lists. */
	readonly key: ScopeKey;
	/** Headers for network transports, by lower-case name. */
	readonly headers: Readonly<Record<string, string>>;
	/** Variables for stdio children. */
	readonly env: Readonly<Record<string, string>>;
}

/** Chooses and renders the credential that (principal, server) calls with. */
export type AttachCredential = (principal: Principal, server: Server) => Attached;

/**
 * Renders the workspace's static credential of a server. Rendered once for each server definition: the map is weak, so
 * a replaced definition takes its rendered secrets with it.
 */
export function createAttachCredential(): AttachCredential {
	const shared = new WeakMap<Server, Attached>();
	return (principal, server) => {
		const known = shared.get(server) ?? render(server);
		shared.set(server, known);
		if (server.isolation === 'shared') return known;
		return { ...known, key: keyOf(server, known.id, principal.key) };
	};
}

function render(server: Server): Attached {
	const { transport } = server;
	const id = `workspace:${server.workspace}/${server.slug}`;
	const key = keyOf(server, id, null);
	if (transport.kind === 'stdio') return { id, key, headers: {}, env: renderAll(transport.env) };
	return { id, key, headers: renderAll(transport.headers), env: {} };
}

// The revision covers the fingerprints of the secrets, so it is the credential's version too.
function keyOf(server: Server, credential: string, principal: string | null): ScopeKey {
	return scopeKey({
		workspace: server.workspace,
		server: server.slug,
		revision: server.revision,
		credential,
		principal,
	});
}

function renderAll(templates: ReadonlyMap<string, SecretTemplate>): Record<string, string> {
	return Object.fromEntries([...templates].map(([name, template]) => [name, renderTemplate(template)]));
}

function renderTemplate(template: SecretTemplate): string {
	return template.map((part) => (typeof part === 'string' ? part : part.reveal())).join('');
}
