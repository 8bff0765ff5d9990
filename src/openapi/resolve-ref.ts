import { type ExactJson, isExactList, isExactObject } from '../lib/json-exact.ts';

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
