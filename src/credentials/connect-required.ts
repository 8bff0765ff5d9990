import type { Server } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Principal } from '../identity/principal.ts';

/** The address of the page on which this person connects an account for the server; it holds no secret. */
export type LinkFor = (person: Principal, server: Server) => string | undefined;

/**
 * Refuses a call for want of the caller's own account at the server, with the page that gets them one: in the form of MCP
 * 2025-11-25 (URL elicitation required), from which the edge makes those of other callers.
 */
export function connectRequired({ workspace, slug, title }: Server, link: string | undefined): PortcullisError {
	if (link === undefined)
		return new PortcullisError('PC_CONNECT_REQUIRED', { data: { server: `${workspace}/${slug}` } });
	const message = `Connect your account for ${title} on the page that opens, then go on.`;
	const elicitation = { mode: 'url', elicitationId: `connect-${workspace}-${slug}`, url: link, message };
	return new PortcullisError('PC_CONNECT_REQUIRED', {
		data: { server: `${workspace}/${slug}`, elicitations: [elicitation] },
		advice: `Open ${link}`,
	});
}
