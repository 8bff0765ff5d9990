import type { AppliedMigration } from '../migrations.ts';
import type { Query } from '../tx.ts';

/** The migrations that were applied, in order; none where there is no such table, or none that this login may read. */
export async function readApplied(query: Query): Promise<readonly AppliedMigration[]> {
	// Asked of the catalogue: to_regclass would fail where the schema is closed to the login.
	const [table] = await query<{ oid: string }>(
		`select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
		 where n.nspname = 'portcullis' and c.relname = 'migration'
			and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')`,
	);
	if (table === undefined) return [];
	return query('select number, name, checksum from portcullis.migration order by number');
}
