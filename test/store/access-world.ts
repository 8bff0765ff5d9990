import type pg from 'pg';
import { A, B, NIL, ROLES } from './access-rules.ts';
import { holdsPlatform, insertOf, makeRow, ofWorkspaces, readTables, type Table } from './row-maker.ts';

/** A database with rows of two workspaces and of the platform in every table. */
export interface World {
	readonly tables: readonly Table[];
	/** Rights as `role right table`, and for columns `role right table.column`. */
	readonly rights: ReadonlySet<string>;
	/** What stands in each table: workspaces of its rows, or nothing for rows of none. */
	readonly rows: ReadonlyMap<string, readonly (string | undefined)[]>;
}

/** Fills the database, as a superuser. Throws, with the name of the table, where a table gets no row. */
export async function fillWorld(client: pg.Client): Promise<World> {
	// The month of all rows that are made.
	await client.query("select portcullis.ensure_audit_month('2031-05-01')");
	const tables = await readTables(client);
	const filled = tables.filter(({ partition }) => !partition);
	for (const table of filled) await fillTable(client, tables, table);
	const rows = new Map<string, readonly (string | undefined)[]>();
	for (const table of tables) rows.set(table.name, await workspacesIn(client, table));
	for (const table of filled) assertFilled(table, rows.get(table.name) ?? []);
	return { tables, rights: await readRights(client), rows };
}

async function fillTable(client: pg.Client, tables: readonly Table[], table: Table): Promise<void> {
	const owners = ofWorkspaces(table) ? [A, B, ...(holdsPlatform(table) ? [NIL] : [])] : [NIL];
	for (const workspaceId of owners) {
		const statement = insertOf(table.name, makeRow(tables, { table: table.name, workspaceId, seed: 1 }));
		await client.query(`${statement} on conflict do nothing`).catch((cause: unknown) => {
			throw new Error(`no row could be made for ${table.name}: ${statement}`, { cause });
		});
	}
}

async function workspacesIn(client: pg.Client, table: Table): Promise<readonly (string | undefined)[]> {
	const column = ofWorkspaces(table) ? 'workspace_id' : 'null';
	const { rows } = await client.query<{ id: string | null }>(
		`select ${column}::text as id from portcullis.${table.name} order by 1`,
	);
	return rows.map(({ id }) => id ?? undefined);
}

function assertFilled(table: Table, found: readonly (string | undefined)[]): void {
	const wanted = ofWorkspaces(table) ? [A, B, ...(holdsPlatform(table) ? [NIL] : [])] : [undefined];
	const missing = wanted.filter((workspaceId) => !found.includes(workspaceId));
	if (missing.length > 0) throw new Error(`${table.name} has no row of ${missing.join(', ')}`);
}

async function readRights(client: pg.Client): Promise<ReadonlySet<string>> {
	const { rows } = await client.query<{ held: string }>(
		`select r.rolname || ' ' || p || ' ' || c.relname as held
		 from pg_class c, pg_roles r, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) p
		 where c.relnamespace = 'portcullis'::regnamespace and c.relkind in ('r', 'p') and r.rolname = any($1)
			and has_table_privilege(r.oid, c.oid, p)
		 union all
		 select r.rolname || ' ' || p || ' ' || c.relname || '.' || a.attname
		 from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0, pg_roles r,
			unnest(array['SELECT', 'INSERT', 'UPDATE']) p
		 where c.relnamespace = 'portcullis'::regnamespace and c.relkind in ('r', 'p') and r.rolname = any($1)
			and has_column_privilege(r.oid, c.oid, a.attnum, p)`,
		[ROLES],
	);
	return new Set(rows.map(({ held }) => held));
}
