/** Whether a text is as a pattern says, in which `*` stands for anything; in time of their product at most. */
export function matchesPattern(text: string, pattern: string): boolean {
	let at = 0;
	let star = -1;
	let from = 0;
	for (let index = 0; index < text.length; ) {
		if (pattern[at] === '*') {
			star = at++;
			from = index;
		} else if (pattern[at] === text[index]) {
			at++;
			index++;
		} else if (star === -1) {
			return false;
		} else {
			// The last star takes one character more.
			at = star + 1;
			index = ++from;
		}
	}
	return /^\**$/.test(pattern.slice(at));
}
