import { usageFault } from './command-error.ts';

type Given<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

/** What was given of these. */
export function given<T extends object>(members: T): Given<T> {
	return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Given<T>;
}

/** What was given of these, at least one of them. */
export function someGiven<T extends object>(members: T): Given<T> {
	const found = given(members);
	if (Object.keys(found).length === 0) throw usageFault('Nothing to change was given; see --help.');
	return found;
}

/** A thing of a workspace, as `google/files`. */
export interface Target {
	readonly workspace: string;
	readonly name: string;
}

/** Reads `workspace/name`. */
export function readTarget(text: string, noun: string): Target {
	const [workspace = '', name = '', ...rest] = text.split('/');
	if (workspace === '' || name === '' || rest.length > 0) {
		throw usageFault(
			`Name the ${noun} as workspace/${noun}, for example google/${noun === 'server' ? 'files' : 'daily'}.`,
		);
	}
	return { workspace, name };
}
