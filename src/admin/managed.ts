import * as z from 'zod';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { ManagedRow, Manager } from '../store/queries/rows.ts';
import { requireMatch } from './precondition.ts';
import type { Context } from './route.ts';

/** Who may change a thing. */
export const MANAGED_BY = z
	.enum(['api', 'file'])
	.meta({ id: 'ManagedBy', description: 'What is managed by the configuration file can be changed only there.' });

/** Members that every resource of a workspace answers with. */
export const MANAGED = {
	managedBy: MANAGED_BY,
	version: z.int().describe('Of this resource; its ETag.'),
	createdAt: z.string().meta({ format: 'date-time' }),
	updatedAt: z.string().meta({ format: 'date-time' }),
};

/** The same of a row. */
export function managedOf({ managedBy, version, createdAt, updatedAt }: ManagedRow) {
	return { managedBy, version, createdAt: createdAt.toISOString(), updatedAt: updatedAt.toISOString() };
}

/** What is there; throws PC_NOT_FOUND where nothing is. */
export function found<Row>(row: Row | undefined): Row {
	if (row === undefined) throw new PortcullisError('PC_NOT_FOUND');
	return row;
}

interface Versioned {
	readonly managedBy: Manager;
	readonly version: number;
}

/**
 * What is there, if it is the version that the request means and not the file's; to be asked within the transaction that
 * changes it. Throws PC_NOT_FOUND, PC_FILE_MANAGED, PC_IF_MATCH_STALE.
 */
export function changeable<Row extends Versioned>(
	row: Row | undefined,
	{ precondition }: Pick<Context, 'precondition'>,
): Row {
	const there = found(row);
	requireApiManaged(there);
	requireMatch(precondition, there);
	return there;
}

/** Throws PC_FILE_MANAGED for what only the configuration file may change. */
export function requireApiManaged({ managedBy }: Pick<Versioned, 'managedBy'>): void {
	if (managedBy === 'file') throw new PortcullisError('PC_FILE_MANAGED');
}

/** Throws PC_IF_MATCH_STALE when a change found another version than was read: the second line behind `changeable`. */
export async function versioned(changing: Promise<boolean>): Promise<void> {
	const isChanged = await changing;
	if (!isChanged) throw new PortcullisError('PC_IF_MATCH_STALE');
}
