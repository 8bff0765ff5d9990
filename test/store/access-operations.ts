import type pg from 'pg';
import { A, B, type Context, isReached, NIL, type Right, type Role } from './access-rules.ts';
import type { World } from './access-world.ts';
import { holdsPlatform, insertOf, literal, makeRow, ofWorkspaces, type Table } from './row-maker.ts';

/** One thing a role tries with one table. */
export interface Attempt {
	readonly role: Role;
	readonly table: Table;
	readonly context: Context;
}

/** What comes of an attempt: rows of these workspaces, so many rows, or a refusal with this SQLSTATE. */
type Outcome =
	| { readonly rows: readonly (string | undefined)[] }
	| { readonly count: number }
	| { readonly refused: string };

interface Trial {
	/** Run as superuser before, in the same transaction. */
	readonly before?: string;
	readonly statement: string;
	/** What the rules let happen; refusals of rights, policies and malformed contexts count as one. */
	readonly expected: Outcome;
}

/** An operation on a table, as every role tries it; `undefined` where it makes no sense. */
export type Operation = (world: World, attempt: Attempt) => Trial | undefined;

const REFUSED: Outcome = { refused: '42501' };

function holds({ rights }: World, { role, table }: Attempt, ...wanted: readonly Right[]): boolean {
	return wanted.every((right) => rights.has(`${role} ${right} ${table.name}`));
}

function reaches(attempt: Attempt, workspaceId: string | undefined, ...rights: readonly Right[]): boolean {
	return rights.every((right) => isReached({ ...attempt, right, workspaceId }));
}

const reached = ({ rows }: World, attempt: Attempt, ...rights: readonly Right[]): readonly (string | undefined)[] =>
	(rows.get(attempt.table.name) ?? []).filter((workspaceId) => reaches(attempt, workspaceId, ...rights));

const RETURNED = (table: Table): string => (ofWorkspaces(table) ? 'workspace_id::text' : 'null::text');

const select: Operation = (world, attempt) => ({
	statement: `select ${RETURNED(attempt.table)} as id from portcullis.${attempt.table.name}`,
	expected: holds(world, attempt, 'SELECT') ? { rows: reached(world, attempt, 'SELECT') } : REFUSED,
});

// A partitioned table can be copied only by way of a query.
const copyTo: Operation = (world, attempt) => ({
	statement: `copy (select * from portcullis.${attempt.table.name}) to stdout`,
	expected: holds(world, attempt, 'SELECT') ? { count: reached(world, attempt, 'SELECT').length } : REFUSED,
});

const copyTableTo: Operation = (world, attempt) =>
	attempt.table.partitioned
		? undefined
		: { ...copyTo(world, attempt)!, statement: `copy portcullis.${attempt.table.name} to stdout` };

// Refused wherever policies apply, with or without the right.
const copyFrom: Operation = ({ rights }, { role, table }) => ({
	statement: `copy portcullis.${table.name} from stdin`,
	expected: rights.has(`${role} INSERT ${table.name}`) ? { refused: '0A000' } : REFUSED,
});

const truncate: Operation = (_, { role, table }) =>
	role === 'portcullis_owner' ? undefined : { statement: `truncate portcullis.${table.name}`, expected: REFUSED };

function changeable({ rights }: World, { role, table }: Attempt): string | undefined {
	const columns = table.columns.filter(({ name }) => rights.has(`${role} UPDATE ${table.name}.${name}`));
	return (columns.find(({ name }) => !table.key.includes(name)) ?? columns[0])?.name;
}

const update: Operation = (world, attempt) => {
	const { table } = attempt;
	const column = changeable(world, attempt);
	const name = column ?? table.columns[0]!.name;
	return {
		statement: `update portcullis.${table.name} set ${name} = ${name} returning ${RETURNED(table)} as id`,
		expected: column === undefined ? REFUSED : { rows: reached(world, attempt, 'SELECT', 'UPDATE') },
	};
};

// A row may not be given to another workspace, nor taken from it.
const moveToOther: Operation = (world, attempt) => {
	const { table, role } = attempt;
	if (!ofWorkspaces(table) || reaches(attempt, B, 'UPDATE')) return undefined;
	const may = world.rights.has(`${role} UPDATE ${table.name}.workspace_id`);
	const none = reached(world, attempt, 'SELECT', 'UPDATE').length === 0;
	return {
		statement: `update portcullis.${table.name} set workspace_id = '${B}' returning ${RETURNED(table)} as id`,
		expected: may && none ? { rows: [] } : REFUSED,
	};
};

const remove: Operation = (world, attempt) => ({
	statement: `delete from portcullis.${attempt.table.name} returning ${RETURNED(attempt.table)} as id`,
	expected: holds(world, attempt, 'DELETE') ? { rows: reached(world, attempt, 'SELECT', 'DELETE') } : REFUSED,
});

const insertInto =
	(workspaceId: string): Operation =>
	(world, attempt) => {
		const { table } = attempt;
		if (workspaceId === NIL && !holdsPlatform(table)) return undefined;
		const owner = ofWorkspaces(table) ? workspaceId : undefined;
		const row = makeRow(world.tables, { table: table.name, workspaceId, seed: 2 });
		const may = holds(world, attempt, 'INSERT') && reaches(attempt, owner, 'INSERT');
		return {
			// Where a workspace has one row only, there must be room for it.
			...(table.key.join() === 'workspace_id' && {
				before: `delete from portcullis.${table.name} where workspace_id = '${workspaceId}'`,
			}),
			statement: insertOf(table.name, row),
			expected: may ? { count: 1 } : REFUSED,
		};
	};

const upsertInto =
	(workspaceId: string): Operation =>
	(world, attempt) => {
		const { table } = attempt;
		if (workspaceId === NIL && !holdsPlatform(table)) return undefined;
		const owner = ofWorkspaces(table) ? workspaceId : undefined;
		const row = makeRow(world.tables, { table: table.name, workspaceId, seed: 1 });
		const column = changeable(world, attempt);
		const name = column ?? table.columns[0]!.name;
		const may =
			column !== undefined &&
			holds(world, attempt, 'INSERT', 'SELECT') &&
			reaches(attempt, owner, 'INSERT', 'SELECT', 'UPDATE');
		return {
			statement: `${insertOf(table.name, row)} on conflict (${table.key.join(', ')}) do update set ${name} = excluded.${name}`,
			expected: may ? { count: 1 } : REFUSED,
		};
	};

/** Everything that is tried with every table. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
	select,
	update,
	delete: remove,
	insert: insertInto(A),
	'insert a row of the platform': insertInto(NIL),
	'insert … on conflict do update': upsertInto(A),
	'insert … on conflict do update a row of the platform': upsertInto(NIL),
	'move rows to another workspace': moveToOther,
	'copy to': copyTo,
	'copy the table to': copyTableTo,
	'copy from': copyFrom,
	truncate,
};

/** What was found wrong, in words; `undefined` when the database does as the rules say. */
export async function judge(
	client: pg.Client,
	world: World,
	{ operation, ...attempt }: Attempt & { readonly operation: string },
): Promise<string | undefined> {
	const trial = OPERATIONS[operation]?.(world, attempt);
	if (trial === undefined) return undefined;
	const outcome = await perform(client, attempt, trial);
	if (agrees(outcome, trial.expected, attempt.context)) return undefined;
	const { role, table, context } = attempt;
	const told = JSON.stringify(outcome);
	return `${role}, ${context.name}: ${operation} ${table.name}: ${told} instead of ${JSON.stringify(trial.expected)}`;
}

/** Leaves the transaction of the client as it was. */
async function perform(client: pg.Client, { role, context }: Attempt, trial: Trial): Promise<Outcome> {
	const settings = Object.entries(context.settings).map(
		([name, value]) => `select set_config('${name}', ${literal(value)}, true)`,
	);
	const steps = [trial.before ?? 'select', `set local session authorization ${role}`, ...settings, trial.statement];
	await client.query('savepoint attempt');
	try {
		const results = (await client.query(steps.join('; '))) as unknown as readonly pg.QueryResult<{
			id: string | null;
		}>[];
		const last = results.at(-1)!;
		if (last.fields.length === 0) return { count: last.rowCount ?? 0 };
		return { rows: last.rows.map(({ id }) => id ?? undefined).sort() };
	} catch (error) {
		return { refused: (error as { code: string }).code };
	} finally {
		await client.query('rollback to savepoint attempt; release savepoint attempt');
	}
}

// A context that is no id may refuse, or show less; it never shows more.
function agrees(outcome: Outcome, expected: Outcome, context: Context): boolean {
	if (JSON.stringify(outcome) === JSON.stringify(expected)) return true;
	if (!context.name.endsWith('malformed')) return false;
	return 'refused' in outcome && outcome.refused === '22P02';
}
