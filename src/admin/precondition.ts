import type { IncomingHttpHeaders } from 'node:http';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { inputInvalid } from './input-invalid.ts';

/** What must be true of a resource for it to be changed (RFC 9110 §13.1). */
export type Precondition =
	/** `If-Match: "3"`: it is at one of these versions. */
	| { readonly kind: 'versions'; readonly tags: ReadonlySet<string> }
	/** `If-Match: *`: it is there. */
	| { readonly kind: 'present' }
	/** `If-None-Match: *`: it is not there. */
	| { readonly kind: 'absent' };

/** The entity tag of a version. */
export function etagOf(version: number): string {
	return `"${version}"`;
}

const TAG = /^(?:W\/)?"[\x21\x23-\x7e]*"$/;

/** Reads the precondition of a change; throws PC_IF_MATCH_MISSING, or PC_INPUT_INVALID when it cannot be read. */
export function readPrecondition(headers: IncomingHttpHeaders): Precondition {
	const match = headers['if-match'];
	const noneMatch = headers['if-none-match'];
	if (match === undefined && noneMatch === undefined) throw new PortcullisError('PC_IF_MATCH_MISSING');
	if (match === undefined) {
		if (noneMatch === '*') return { kind: 'absent' };
		throw inputInvalid([{ path: 'header.if-none-match', message: 'only * is understood' }]);
	}
	if (noneMatch !== undefined) throw inputInvalid([{ path: 'header.if-none-match', message: 'contradicts If-Match' }]);
	if (match === '*') return { kind: 'present' };
	const tags = match.split(',').map((tag) => tag.trim());
	if (tags.every((tag) => TAG.test(tag))) return { kind: 'versions', tags: new Set(tags) };
	throw inputInvalid([{ path: 'header.if-match', message: 'expected an ETag in double quotes, or *' }]);
}

/**
 * Holds the present state of a resource against the precondition of the request; to be asked within the transaction
 * that changes it. Throws PC_IF_MATCH_STALE. A weak tag matches nothing (RFC 9110 §13.1.1).
 */
export function requireMatch(
	precondition: Precondition | undefined,
	current: { readonly version: number } | undefined,
): void {
	if (precondition === undefined)
		throw new PortcullisError('PC_INTERNAL', { detail: 'the operation demands no match' });
	const isMet = current === undefined ? precondition.kind === 'absent' : isMetBy(precondition, current.version);
	if (!isMet) throw new PortcullisError('PC_IF_MATCH_STALE');
}

function isMetBy(precondition: Precondition, version: number): boolean {
	if (precondition.kind === 'versions') return precondition.tags.has(etagOf(version));
	return precondition.kind === 'present';
}
