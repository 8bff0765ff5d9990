import type { Server } from '../config/snapshot.ts';
import type { CancelSignal } from '../lib/cancel.ts';
import type { LogLevel } from '../mcp/log-levels.ts';
import type { OpenedState, RequestStates, StateBinding } from '../mcp/modern/request-state.ts';
import type { TaskIds } from '../mcp/modern/task-ids.ts';
import type { HeldRoute } from '../router/route.ts';
import type { ClientSessions } from './client-sessions.ts';
import type { OutgoingRequest } from './forward-request.ts';
import type { ParkedCalls } from './parked-calls.ts';
import type { Session } from './session-entries.ts';
import type { Sessions } from './sessions.ts';
import type { Tripwire } from './stamp.ts';

/** What held calls are made with. */
export interface HeldParts {
	readonly sessions: Sessions;
	readonly clients: ClientSessions;
	readonly parked: ParkedCalls;
	readonly states: RequestStates;
	readonly tasks: TaskIds;
	readonly tripwire: Tripwire;
	/** Makes the upstream log from this severity on, where it can; best effort. */
	setLevel(session: Session, level: LogLevel, server: Server): Promise<void>;
}

/** A call that goes through a held session. */
export type HeldRequest = OutgoingRequest<HeldRoute>;

/** One call of a caller on its way through a held session. */
export interface Held {
	readonly parts: HeldParts;
	readonly request: HeldRequest;
	/** Cancels the call. */
	readonly signal: CancelSignal | undefined;
	/** What the state in a modern retry says. */
	readonly state: OpenedState | undefined;
	/** What request states of this call are bound to; few calls have any, so it is made when asked for. */
	binding(): StateBinding;
	/** The call is over. */
	done(): void;
}
