import type { IncomingMessage } from 'node:http';
import type { Presented } from '../identity/presented.ts';

/** What a request is judged by. */
export function presentedBy({ rawHeaders, socket }: IncomingMessage): Presented {
	return { rawHeaders, remoteAddress: socket.remoteAddress ?? '' };
}
