import type { Directory } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { ErrorCode } from '../errors/table.ts';

/** A refusal of a token; the detail is for the log and holds nothing of the token. */
export function refuseToken(code: ErrorCode, detail: string, advice?: string): PortcullisError {
	return new PortcullisError(code, { detail, ...(advice !== undefined && { advice }) });
}

/** What a directory is asked by a client that wants a token for the gateway. */
export type Asked = Pick<Directory, 'audiences' | 'scopes'>;

const MOST_NAMED = 3;

/**
 * A sentence that says what to ask the directory for instead. Scopes and audiences are no secrets: whoever signs in sends
 * them through a browser.
 */
export function whatToAskFor(directories: readonly Asked[]): string {
	const scopes = unique(directories.flatMap((each) => each.scopes ?? []));
	if (scopes.length > 0) return `The scope to ask for is ${scopes.join(' or ')}.`;
	return `The audience to ask for is ${unique(directories.flatMap((each) => each.audiences)).join(' or ')}.`;
}

function unique(texts: readonly string[]): readonly string[] {
	return [...new Set(texts)].slice(0, MOST_NAMED);
}
