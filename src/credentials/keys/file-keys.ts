import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { StartError } from '../../store/start-error.ts';
import { ringOf } from './environment-keys.ts';
import type { WrappingKeys } from './wrapping-keys.ts';

/** A file of keys is small. */
const MOST_BYTES = 64 * 1024;
/** Everybody may do something with the file, or others may write to it. */
const TOO_OPEN = 0o027;

/** Keys of a file that is for the gateway alone. Throws `StartError` where file or keys are no good. */
export function createFileKeys(path: string): WrappingKeys {
	return ringOf(readOwn(path), path);
}

function readOwn(path: string): string {
	const descriptor = open(path);
	try {
		const stat = fstatSync(descriptor);
		if (!stat.isFile() || stat.size > MOST_BYTES) throw invalid(path, 'is not a file of keys');
		if ((stat.mode & TOO_OPEN) !== 0) throw invalid(path, 'may be read or written by others; chmod 600 it');
		return readFileSync(descriptor, 'utf8');
	} finally {
		closeSync(descriptor);
	}
}

// What is no regular file must not block.
function open(path: string): number {
	try {
		return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
	} catch (error) {
		throw invalid(path, `cannot be opened (${String((error as { code?: unknown }).code)})`);
	}
}

function invalid(path: string, what: string): StartError {
	return new StartError('PC_KEYS_INVALID', `The file of keys ${path} ${what}.`);
}
