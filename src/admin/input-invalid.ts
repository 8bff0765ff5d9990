import type * as z from 'zod';
import { PortcullisError } from '../errors/portcullis-error.ts';

/** One thing wrong with a request: where, and what. Never holds a value that was sent. */
export interface InputFault {
	/** Such as `body.limits.totalMs` or `query.cursor`. */
	readonly path: string;
	readonly message: string;
}

const MOST_FAULTS = 50;
const MOST_PATH_CHARS = 200;

/** The refusal of a request whose input does not fit. */
export function inputInvalid(faults: readonly InputFault[]): PortcullisError {
	const errors = faults
		.slice(0, MOST_FAULTS)
		.map(({ path, message }) => ({ path: path.slice(0, MOST_PATH_CHARS), message }));
	return new PortcullisError('PC_INPUT_INVALID', { data: { errors } });
}

/** Where the input stands that a schema judges. */
export type InputPart = 'body' | 'query';

/** The refusal of what a schema found wrong; each unknown member is a fault of its own. */
export function schemaFaults(part: InputPart, issues: readonly z.core.$ZodIssue[]): PortcullisError {
	const at = (path: readonly PropertyKey[]): string => [part, ...path.map(String)].join('.');
	return inputInvalid(
		issues.flatMap((issue) =>
			issue.code === 'unrecognized_keys'
				? issue.keys.map((key) => ({ path: at([...issue.path, key]), message: 'is not known here' }))
				: [{ path: at(issue.path), message: issue.message }],
		),
	);
}
