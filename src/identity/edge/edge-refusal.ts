import { PortcullisError } from '../../errors/portcullis-error.ts';

/** The proof of an edge does not hold; callers are told no more, the record is told why. */
export function refusedProof(detail: string, cause?: unknown): PortcullisError {
	return new PortcullisError('PC_EDGE_REFUSED', { detail }, { cause });
}

/** The proof holds, but whom it vouches for is nobody we can take. */
export function refusedPerson(detail: string): PortcullisError {
	return new PortcullisError('PC_EDGE_IDENTITY', { detail });
}
