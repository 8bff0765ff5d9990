import type { Presented, Via } from '../presented.ts';
import { refusedProof } from './edge-refusal.ts';
import { readPersonHeaders } from './person-headers.ts';
import type { Described } from './vouched-person.ts';

/** A request at a listener with an edge in front of it. */
export type PresentedVia = Presented & { readonly via: Via };

type Outcome = 'proven' | 'absent';

/** Whether an edge sent a proof that holds. Throws or rejects with PC_EDGE_REFUSED where it sent one that does not. */
export type Proves = (presented: PresentedVia) => Outcome | Promise<Outcome>;

/**
 * Whom the edge describes in headers, its proof beside them; `undefined` when it describes nobody, so that the caller's
 * own bearer decides. Descriptions without a proof are what somebody sends who goes past the edge.
 */
export async function describedByHeaders(proves: Proves, presented: PresentedVia): Promise<Described | undefined> {
	const described = readPersonHeaders(presented.rawHeaders);
	const outcome = await proves(presented);
	if (outcome === 'absent' && described !== undefined) throw refusedProof('identity headers came without a proof');
	return described;
}
