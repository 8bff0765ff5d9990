import { createHash, timingSafeEqual } from 'node:crypto';
import type { SharedSecretEdge } from '../../config/listeners.ts';
import { refusedProof } from './edge-refusal.ts';
import type { Proves } from './header-edge.ts';
import { headerIn } from './person-headers.ts';

/**
 * Proof by a shared secret. Digests of equal length are compared, all of them to the end, so the time taken tells neither
 * a length, nor a beginning, nor which of two values it was.
 */
export function createSharedSecretProof({ header, digests }: SharedSecretEdge): Proves {
	const accepted = digests.map((digest) => Buffer.from(digest, 'hex'));
	return ({ rawHeaders }) => {
		const sent = headerIn(rawHeaders, header);
		if (sent === undefined || sent === '') return 'absent';
		const digest = createHash('sha256').update(Buffer.from(sent, 'latin1')).digest();
		const matches = accepted.map((each) => timingSafeEqual(each, digest));
		if (!matches.includes(true)) throw refusedProof('the shared secret is another');
		return 'proven';
	};
}
