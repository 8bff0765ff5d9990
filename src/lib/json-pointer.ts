import { type ExactJson, type ExactObject, isExactList, isExactObject } from './json-exact.ts';

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
