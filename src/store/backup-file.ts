import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import * as z from 'zod';
import { StartError } from './start-error.ts';

/** What a backup says of itself in its first line. */
export type BackupHeader = z.output<typeof HEADER>;

const HEADER = z.strictObject({
	format: z.literal(1),
	created: z.string(),
	/** The schema the rows are of. */
	migrations: z.array(z.strictObject({ number: z.int(), name: z.string(), checksum: z.string() })),
	/** First days of the months that had a partition of records. */
	months: z.array(z.iso.date()),
	/** In the order in which their rows follow; how many, as text. */
	tables: z.array(z.strictObject({ name: z.string(), rows: z.string().regex(/^\d{1,18}$/) })),
});

/** A file that is no whole backup. */
export function invalidBackup(why: string, cause?: unknown): StartError {
	const sentence = `The file is not a whole backup of this gateway: ${why}. Nothing was restored; use another copy.`;
	return new StartError('PC_BACKUP_INVALID', sentence, { cause });
}

/** Reads the first line of a backup; throws PC_BACKUP_INVALID. */
export function parseHeader(line: string | undefined): BackupHeader {
	try {
		return HEADER.parse(JSON.parse(line ?? ''));
	} catch (cause) {
		throw invalidBackup('its first line is not that of a backup, or of a newer version', cause);
	}
}

const closingLine = (sha256: string): string => `{"sha256":"${sha256}"}`;

/**
 * Writes a compressed file of these texts, each of whole lines, and closes it with the SHA-256 of them all. It has its name
 * when it is complete and on the disk, and not before. Nobody but its owner may read it.
 */
export async function writeBackupFile(path: string, texts: AsyncIterable<string>): Promise<void> {
	const partial = `${path}.${randomUUID()}.partial`;
	try {
		const file = createWriteStream(partial, { mode: 0o600, flags: 'wx', flush: true });
		await pipeline(Readable.from(closed(texts), { objectMode: true }), createGzip(), file);
		await rename(partial, path);
	} catch (error) {
		await rm(partial, { force: true });
		throw error;
	}
}

async function* closed(texts: AsyncIterable<string>): AsyncGenerator<Buffer> {
	const hash = createHash('sha256');
	for await (const text of texts) {
		const bytes = Buffer.from(text);
		hash.update(bytes);
		yield bytes;
	}
	yield Buffer.from(`${closingLine(hash.digest('hex'))}\n`);
}

/**
 * The lines of a backup but for the last, which is held against all the others when they have been read: until then
 * nothing that was read is certain. Throws PC_BACKUP_INVALID.
 */
export async function* readBackupFile(path: string): AsyncGenerator<string, undefined> {
	const hash = createHash('sha256');
	let held: Buffer | undefined;
	for await (const line of linesOf(path)) {
		if (held !== undefined) {
			hash.update(held).update('\n');
			yield held.toString('utf8');
		}
		held = line;
	}
	if (held?.toString('utf8') === closingLine(hash.digest('hex'))) return undefined;
	throw invalidBackup('it was cut off or changed');
}

const LINE_END = 10;

async function* linesOf(path: string): AsyncGenerator<Buffer> {
	const unpacked = createGunzip();
	// What goes wrong is met by whoever reads.
	const filling = pipeline(createReadStream(path), unpacked).catch((error: unknown) => error);
	let rest: Buffer[] = [];
	try {
		for await (const chunk of unpacked as AsyncIterable<Buffer>) {
			let start = 0;
			for (let end = chunk.indexOf(LINE_END); end !== -1; end = chunk.indexOf(LINE_END, start)) {
				yield Buffer.concat([...rest, chunk.subarray(start, end)]);
				rest = [];
				start = end + 1;
			}
			if (start < chunk.length) rest.push(chunk.subarray(start));
		}
	} catch (cause) {
		const { code } = cause as NodeJS.ErrnoException;
		throw code?.startsWith('Z_') ? invalidBackup('it was cut off or changed', cause) : cause;
	} finally {
		unpacked.destroy();
		await filling;
	}
	if (rest.length > 0) throw invalidBackup('it was cut off');
}
