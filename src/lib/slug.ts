/** A workspace or server slug. */
export const SLUG = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whether the text is a workspace or server slug: 1–63 of `a-z 0-9 -`, not starting or ending with a dash. */
export function isSlug(text: string): boolean {
	return SLUG.test(text);
}
