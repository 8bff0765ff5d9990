/** A map of what is built from each entry, in the order of the slugs. */
export function inSlugOrder<In, Out>(
	entries: Iterable<readonly [string, In]>,
	build: (slug: string, entry: In) => Out,
): ReadonlyMap<string, Out> {
	const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
	return new Map(sorted.map(([slug, entry]) => [slug, build(slug, entry)]));
}
