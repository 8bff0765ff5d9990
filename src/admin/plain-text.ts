import * as z from 'zod';

/** Whether PostgreSQL can keep a text: it has no NUL, and a half of a surrogate pair has no UTF-8. */
export function isKept(text: string): boolean {
	return !/[\0\p{Surrogate}]/u.test(text);
}

/** Sentence for a text that cannot be kept. */
export const NOT_KEPT = 'must not hold a NUL character or half a character';

/** Text of 1 to so many characters in which nothing is special. */
export function plainText(most: number) {
	return z.string().min(1).max(most).refine(isKept, NOT_KEPT);
}
