/** The known name that a mistyped one most likely means, or `undefined` when none is near. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
	const ranked = [...known]
		.map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
		.filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
		.sort((a, b) => a.distance - b.distance);
	return ranked[0]?.candidate;
}

/** Levenshtein distance; a pair that differs in length too much to be a typing error is not compared. */
function editDistance(a: string, b: string): number {
	if (Math.abs(a.length - b.length) > b.length) return Infinity;
	let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
	for (const [row, letter] of [...a].entries()) {
		const current = [row + 1];
		for (let column = 1; column <= b.length; column++) {
			const replaced = at(previous, column - 1) + (letter === b[column - 1] ? 0 : 1);
			current.push(Math.min(replaced, at(previous, column) + 1, at(current, column - 1) + 1));
		}
		previous = current;
	}
	return at(previous, b.length);
}

function at(row: readonly number[], index: number): number {
	return row[index] ?? Infinity;
}
