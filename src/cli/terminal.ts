import { createInterface } from 'node:readline/promises';

/** Asks whoever sits at the terminal; `undefined` where nobody does. The question goes to standard error. */
export async function askTerminal(question: string): Promise<string | undefined> {
	if (!process.stdin.isTTY) return undefined;
	const lines = createInterface({ input: process.stdin, output: process.stderr });
	try {
		const ended = new Promise<string>((resolve) => void lines.once('close', () => resolve('')));
		return await Promise.race([lines.question(question), ended]);
	} finally {
		lines.close();
	}
}
