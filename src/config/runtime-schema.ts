import * as z from 'zod';
import { text } from './schema-text.ts';
import { lengthRule } from './text-rules.ts';

/** Exact versions, digests of images: nothing that means another thing tomorrow. */
const VERSION = /^(?:sha256:[0-9a-f]{64}|v?\d[0-9A-Za-z.+_-]*)$/;
const NAME = /^[A-Za-z0-9@][A-Za-z0-9@._/+:-]{0,213}$/;

/** A program that is installed ahead (`portcullis runtime install`). */
export function runtimeSchema() {
	return z.strictObject({
		runner: z.enum(['npm', 'uvx', 'container', 'binary']),
		package: text((name) => (NAME.test(name) ? undefined : 'this is no name of a package, image or program')),
		version: text((version) => (VERSION.test(version) ? undefined : 'give one exact version, as 1.2.3')).optional(),
		program: text((name) =>
			NAME.test(name) && !name.includes('/') ? undefined : 'this is no name of a program',
		).optional(),
		source: text(lengthRule(300)).optional(),
		minNode: text((version) =>
			/^\d+(?:\.\d+){0,2}$/.test(version) ? undefined : 'give a version as 22.13',
		).optional(),
	});
}

/** What may be said of the program of a server. */
interface Program {
	readonly command: unknown;
	readonly runtime: unknown;
	readonly cwd: unknown;
}

/** What is wrong with a program: it is either a command or an installed one, and of an installed one the version is said. */
export function programFault({ command, runtime, cwd }: Program): { at: string; message: string } | undefined {
	if (command === undefined && runtime === undefined)
		return { at: 'command', message: 'say what is run: a command, or a runtime' };
	if (command !== undefined && runtime !== undefined) return { at: 'runtime', message: 'a command is given already' };
	if (runtime === undefined) return undefined;
	if (cwd !== undefined) return { at: 'cwd', message: 'a runtime runs in a folder of its own' };
	const { runner, version } = (runtime ?? {}) as { readonly runner?: unknown; readonly version?: unknown };
	if (version !== undefined || runner === 'binary') return undefined;
	return { at: 'runtime', message: 'give the version: one that is left open means another program tomorrow' };
}
