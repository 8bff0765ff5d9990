import type { IncomingMessage } from 'node:http';
import type { Presented } from '../identity/presented.ts';

const PRESENTED = Symbol('presented');

type Arrived = IncomingMessage & { [PRESENTED]?: Presented };

/** Fixes what a request is judged by, when it arrives. */
export function present(request: IncomingMessage, presented: Presented): void {
	(request as Arrived)[PRESENTED] = presented;
}

/** What a request is judged by: the same object each time, so that what was seen of a request can be told from a repeat. */
export function presentedBy(request: IncomingMessage): Presented {
	const { rawHeaders, socket, [PRESENTED]: presented } = request as Arrived;
	return presented ?? { rawHeaders, remoteAddress: socket.remoteAddress ?? '' };
}
