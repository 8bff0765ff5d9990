import { randomBytes } from 'node:crypto';

/** Texts that say whose they are, so that one grep over delivered bytes finds what has crossed a border. */

/** A mark of one server: whoever reads it has read something of this workspace. */
export function makeCanary(workspace: string, server: string): string {
	return `CANARY_${workspace}_${server}_${randomBytes(4).toString('hex')}`;
}

/** A credential of one workspace that no answer, log or record may hold. */
export function makeSecret(workspace: string): string {
	return `SECRET_${workspace}_${randomBytes(12).toString('hex')}`;
}

const MARKS = /(?:CANARY|SECRET)_([a-z0-9-]+)_[a-z0-9_-]+/g;

/** Every canary and secret in a text that belongs to a workspace other than these. */
export function foreignMarks(text: string, own: readonly string[]): readonly string[] {
	return [...text.matchAll(MARKS)].filter((found) => !own.includes(found[1]!)).map(([mark]) => mark);
}

/** Every canary and secret in a text. */
export function marksIn(text: string): readonly string[] {
	return foreignMarks(text, []);
}
