import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';

/** Name of the file beside an installed package that says what it is. */
export const RECORD_FILE = 'portcullis.json';

const RECORD = z.strictObject({
	format: z.literal(1),
	runner: z.enum(['npm', 'uvx', 'container', 'binary']),
	package: z.string(),
	version: z.string().exactOptional(),
	/** Of the registry, for the package itself; npm alone. */
	integrity: z.string().exactOptional(),
	/** Programs of the package by name, as paths below the folder; npm alone. */
	programs: z.record(z.string(), z.string()).default({}),
	/** What the package says of Node, such as `>=22`. */
	engines: z.string().exactOptional(),
	/** Whether its installation ran scripts of packages. */
	scripts: z.boolean().default(false),
	content: z.string().exactOptional(),
	stamp: z.string().exactOptional(),
	files: z.int().default(0),
	bytes: z.int().default(0),
	/** Operating system and processor it was installed for. */
	platform: z.string(),
	installedAt: z.string(),
});

/** What is known of an installed program. */
export type InstallRecord = z.output<typeof RECORD>;

/** The record of a folder; `undefined` where there is none that can be read. */
export function readRecord(folder: string): InstallRecord | undefined {
	try {
		return RECORD.parse(JSON.parse(readFileSync(join(folder, RECORD_FILE), 'utf8')));
	} catch {
		return undefined;
	}
}

/** This machine, as records name it. */
export function platformText(): string {
	return `${process.platform}-${process.arch}`;
}
