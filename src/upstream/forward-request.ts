import type { Attached } from '../credentials/attach-credential.ts';
import type { Principal } from '../identity/principal.ts';
import type { CancelSignal } from '../lib/cancel.ts';
import type { Call } from '../mcp/call.ts';
import type { Route } from '../router/route.ts';

/** One allowed call on its way out. */
export interface ForwardRequest<R extends Route = Route> {
	readonly principal: Principal;
	readonly call: Call;
	readonly route: R;
	/** Credential of the one server the call goes to; `undefined` for routes that go to none or to many. */
	readonly credential: Attached | undefined;
	/** Aborts when the caller's connection is gone; asking for it costs a listener, so ask only where it matters. */
	disconnected(): CancelSignal;
	/** Whether a call of either era ends with the connection (HTTP+SSE: one for all calls); else only modern ones do. */
	readonly endsWithConnection: boolean;
	/** Whether the caller takes `text/event-stream`. */
	readonly acceptsStream: boolean;
}

/** A call that goes to one server, with that server's credential. */
export type OutgoingRequest<R extends Route> = ForwardRequest<R> & { readonly credential: Attached };
