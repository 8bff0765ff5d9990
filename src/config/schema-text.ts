import * as z from 'zod';
import { readPlainText } from './secret-template.ts';
import type { TextRule } from './text-rules.ts';

const MISPLACED =
	'references work in values of "headers" and "env" only: everything else is visible to others, arguments even to ' +
	'every user of the machine; write a literal ${ as $${';

/** Text that holds no reference and passes a rule. */
export function text(rule: TextRule = () => undefined, shortest = 1) {
	return z
		.string()
		.min(shortest)
		.transform((written, context) => {
			const plain = readPlainText(written);
			const fault =
				plain === undefined ? MISPLACED : plain.includes('\0') ? 'must not hold a NUL character' : rule(plain);
			if (fault !== undefined) context.addIssue(fault);
			return plain ?? written;
		});
}
