import type { Query } from '../tx.ts';

/** A table with rows of its own (partitions have their parent's), and the tables that its rows need. */
export interface TableFacts {
	readonly name: string;
	readonly parents: readonly string[];
}

/** The tables of the schema but for the list of migrations, by name. */
export function listTables(query: Query): Promise<readonly TableFacts[]> {
	return query(
		`select c.relname as name, (
			select coalesce(json_agg(distinct p.relname), '[]') from pg_constraint k join pg_class p on p.oid = k.confrelid
			where k.conrelid = c.oid and k.contype = 'f' and k.confrelid <> c.oid
		 ) as parents
		 from pg_class c
		 where c.relnamespace = (select oid from pg_namespace where nspname = 'portcullis')
			and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'migration'
		 order by c.relname`,
	);
}

/** Months that have a partition of records, each by its first day. */
export async function auditMonths(query: Query): Promise<readonly string[]> {
	const rows = await query<{ month: string }>(
		`select replace(right(c.relname, 7), '_', '-') || '-01' as month from pg_class c
		 where c.relnamespace = (select oid from pg_namespace where nspname = 'portcullis')
			and c.relispartition and c.relname ~ '^audit_event_[0-9]{4}_[0-9]{2}$'
		 order by c.relname`,
	);
	return rows.map(({ month }) => month);
}

/** Makes the partition of a month. */
export async function makeAuditMonth(query: Query, month: string): Promise<void> {
	await query('select portcullis.ensure_audit_month($1::date)', [month]);
}

/**
 * Makes what works with a table by its name, for this connection alone. The database quotes the name, so that no statement
 * is put together here.
 */
export async function makeTableTools(query: Query): Promise<void> {
	await query(`create function pg_temp.lock_rows(name text) returns void language plpgsql as $$
		begin execute format('lock table portcullis.%I in access exclusive mode', name); end $$`);
	await query(`create function pg_temp.has_rows(name text) returns boolean language plpgsql as $$
		declare found boolean;
		begin
			execute format('select exists (select from portcullis.%I)', name) into found;
			return found;
		end $$`);
	await query(`create function pg_temp.count_rows(name text) returns bigint language plpgsql as $$
		declare counted bigint;
		begin
			execute format('select count(*) from portcullis.%I', name) into counted;
			return counted;
		end $$`);
	await query(`create function pg_temp.open_rows(name text) returns void language plpgsql as $$
		declare rows refcursor := 'whole_rows';
		begin
			open rows no scroll for execute format('select row_to_json(t)::text as line from portcullis.%I t', name);
		end $$`);
	await query(`create function pg_temp.put_rows(name text, rows json) returns void language plpgsql as $$
		begin
			execute format(
				'insert into portcullis.%I select * from json_populate_recordset(null::portcullis.%I, $1)', name, name
			) using rows;
		end $$`);
}

/** How many rows a table has; a whole number as text. */
export async function countRows(query: Query, table: string): Promise<string> {
	const [row] = await query<{ count: string }>('select pg_temp.count_rows($1)::text as count', [table]);
	return row?.count ?? '0';
}

/** Whether a table has any row. */
export async function hasRows(query: Query, table: string): Promise<boolean> {
	const [row] = await query<{ found: boolean }>('select pg_temp.has_rows($1) as found', [table]);
	return row?.found === true;
}

/** Keeps everybody else from a table until the transaction ends. */
export async function lockTable(query: Query, table: string): Promise<void> {
	await query('select pg_temp.lock_rows($1)', [table]);
}

/** All rows of a table as JSON, some at a time: numbers in all their digits, bytes as hex. */
export async function* readRows(query: Query, table: string): AsyncGenerator<readonly string[]> {
	await query('select pg_temp.open_rows($1)', [table]);
	for (;;) {
		const rows = await query<{ line: string }>('fetch forward 500 from whole_rows');
		if (rows.length === 0) break;
		yield rows.map(({ line }) => line);
	}
	await query('close whole_rows');
}

/** Puts rows into a table as they are; `rows` is the JSON text of a list. */
export async function putRows(query: Query, table: string, rows: string): Promise<void> {
	await query('select pg_temp.put_rows($1, $2)', [table, rows]);
}

/** Switches triggers and foreign keys off for this transaction, so that versions and times stay; a superuser may. */
export async function switchTriggersOff(query: Query): Promise<void> {
	await query("select set_config('session_replication_role', 'replica', true)");
}

/** Whether the one row of settings is still the one that came with the schema. */
export async function hasFreshSettings(query: Query): Promise<boolean> {
	const rows = await query<{ fresh: boolean }>(
		"select settings = '{}' and config_version = 1 as fresh from portcullis.platform_setting",
	);
	return rows.every(({ fresh }) => fresh);
}

/** Takes the row of settings away, for the one that comes in its place. */
export async function deleteSettings(query: Query): Promise<void> {
	await query('delete from portcullis.platform_setting');
}
