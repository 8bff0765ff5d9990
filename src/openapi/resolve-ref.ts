import { type ExactJson, type ExactObject, isExactList, isExactObject } from '../lib/json-exact.ts';

/** What a reference within the same document points at (RFC 6901 after `#`); `undefined` where it leads nowhere or elsewhere. */
export function resolveRef(root: ExactObject, ref: string): ExactJson | undefined {
	if (ref === '#') return root;
	if (!ref.startsWith('#/')) return undefined;
	let at: ExactJson | undefined = root;
	for (const step of ref.slice(2).split('/')) at = stepInto(at, plainStep(step));
	return at;
}

function stepInto(value: ExactJson | undefined, step: string): ExactJson | undefined {
	if (isExactObject(value)) return value.get(step);
	return isExactList(value) && /^\d{1,9}$/.test(step) ? value[Number(step)] : undefined;
}

// In a URI fragment a step may be percent-encoded besides.
function plainStep(step: string): string {
	const plain = step.includes('%') ? decode(step) : step;
	return plain.replaceAll('~1', '/').replaceAll('~0', '~');
}

function decode(step: string): string {
	try {
		return decodeURIComponent(step);
	} catch {
		return step;
	}
}

const REFERENCES: ReadonlySet<string> = new Set(['$ref', '$id', '$anchor', '$dynamicRef', '$dynamicAnchor']);

/**
 * Whether readers of a document would take a member of this name for a reference or for the target of one: they do so
 * wherever it stands, also where it is data or the name of an argument.
 */
export function isReferenceName(name: string): boolean {
	return REFERENCES.has(name);
}

/** Whether there is such a member anywhere in a value. */
export function looksLikeReference(value: ExactJson): boolean {
	if (isExactList(value)) return value.some(looksLikeReference);
	return (
		isExactObject(value) && [...value].some(([name, member]) => isReferenceName(name) || looksLikeReference(member))
	);
}
