import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartError } from './start-error.ts';

/** One step of the schema. */
export interface Migration {
	readonly number: number;
	/** File name. */
	readonly name: string;
	readonly sql: string;
	/** SHA-256 of the file, hex: a migration that was applied is never changed. */
	readonly checksum: string;
}

/** What a database says was applied to it. */
export interface AppliedMigration {
	readonly number: number;
	readonly name: string;
	readonly checksum: string;
}

const FOLDER = join(import.meta.dirname, '..', '..', 'migrations');
const NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

/** The migrations of this version, in order, numbered from 1 without a gap. */
export function readMigrations(folder: string = FOLDER): readonly Migration[] {
	const names = readdirSync(folder).filter((name) => name.endsWith('.sql'));
	return names.sort().map((name, index) => {
		const number = Number(NAME.exec(name)?.[1]);
		if (number !== index + 1) throw new StartError('PC_MIGRATION_FAILED', `${name} is not migration ${index + 1}.`);
		const sql = readFileSync(join(folder, name), 'utf8');
		return { number, name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
	});
}

/**
 * Which migrations are still to be applied. Throws PC_SCHEMA_NEWER when the database has one we do not know, and
 * PC_SCHEMA_CHANGED when one of ours was another text when it was applied, or is missing before others.
 */
export function pendingMigrations(
	applied: readonly AppliedMigration[],
	known: readonly Migration[],
): readonly Migration[] {
	const newest = applied.at(-1);
	if (newest !== undefined && newest.number > known.length) {
		throw new StartError(
			'PC_SCHEMA_NEWER',
			`The database has migration ${newest.name}, which this version does not know; start a newer version.`,
		);
	}
	for (const [index, { number, name, checksum }] of applied.entries()) {
		if (number !== index + 1) {
			throw new StartError(
				'PC_SCHEMA_CHANGED',
				`The database has migration ${name} but not migration ${index + 1}; restore the database from a backup.`,
			);
		}
		if (known[index]?.checksum === checksum) continue;
		throw new StartError(
			'PC_SCHEMA_CHANGED',
			`Migration ${name} was another text when it was applied; this is not the program that made the database.`,
		);
	}
	return known.slice(applied.length);
}
