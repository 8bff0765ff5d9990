import type { Presented } from './identity/presented.ts';
import type { Principal } from './identity/principal.ts';
import type { Address } from './mcp/address.ts';
import type { Call } from './mcp/call.ts';
import type { ForwardRequest } from './upstream/forward-request.ts';

/** One request as the edge hands it over: nothing looked at yet. */
export interface Exchange extends Pick<ForwardRequest, 'disconnected' | 'acceptsStream' | 'endsWithConnection'> {
	readonly requestId: string;
	/** The way to the address, where it is another than MCP; for the audit. */
	readonly facade?: 'openapi';
	readonly presented: Presented;
	/** Checks what must hold before anybody is asked who they are (Host, Origin, headers), and finds the address. */
	admit(): Address;
	readCall(principal: Principal): Promise<Call>;
}
