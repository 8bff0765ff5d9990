import * as z from 'zod';
import { readPlainText } from './secret-template.ts';
import type { TextRule } from './text-rules.ts';

const MISPLACED =
	'references work in values of "headers" and "env", and ${secret:NAME} in "url": everything else is visible to others; ' +
	'write a literal ${ as $${';

/** Why an argument of a program holds no reference, and what to do about it. */
export const IN_ARGUMENTS =
	'arguments are visible to every user of the machine, so a program gets secrets through "env" only; where it takes one ' +
	'as an argument, start it by a small program that reads the variable, or a file that it names; write a literal ${ as $${';

/** Text that holds no reference and passes a rule. */
export function text(rule: TextRule = () => undefined, shortest = 1, misplaced = MISPLACED) {
	return z
		.string()
		.min(shortest)
		.transform((written, context) => {
			const plain = readPlainText(written);
			const fault =
				plain === undefined ? misplaced : plain.includes('\0') ? 'must not hold a NUL character' : rule(plain);
			if (fault !== undefined) context.addIssue(fault);
			return plain ?? written;
		});
}
