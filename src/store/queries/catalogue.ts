import type { Query } from '../tx.ts';

/** A table, partition, view or the like in the schema. */
export interface RelationFacts {
	readonly name: string;
	/** As pg_class has it: `r` table, `p` partitioned table, `v` view, `m` materialised view, `f` foreign table. */
	readonly kind: string;
	/** The table this is a partition of. */
	readonly root: string | null;
	readonly protected: boolean;
	/** Whether the policies bind the owner as well. */
	readonly forced: boolean;
	readonly rewritten: boolean;
	/** Whether a view asks with the rights of whoever asks it. */
	readonly invoker: boolean;
	/** Type of the column workspace_id, with `not null` where it is. */
	readonly workspaceColumn: string | null;
}

/** One policy. */
export interface PolicyFacts {
	readonly table: string;
	readonly name: string;
	/** As pg_policy has it: `r` select, `a` insert, `w` update, `d` delete, `*` all. */
	readonly command: string;
	readonly permissive: boolean;
	readonly roles: readonly string[];
	readonly using: string | null;
	readonly check: string | null;
}

/** What a role may do with a relation, by whatever way it came to it. */
export interface PrivilegeFacts {
	readonly role: string;
	readonly object: string;
	readonly privileges: readonly string[];
}

/** A unique key, primary key or exclusion constraint. */
export interface KeyFacts {
	readonly table: string;
	readonly name: string;
	readonly primary: boolean;
	readonly columns: readonly string[];
}

/** A foreign key. */
export interface ForeignKeyFacts {
	readonly table: string;
	readonly name: string;
	readonly columns: readonly string[];
	readonly target: string;
	readonly targetColumns: readonly string[];
}

/** A function that runs with the rights of its owner. */
export interface DefinerFacts {
	readonly name: string;
	/** As it was set with the function: `search_path=…`. */
	readonly searchPath: string | null;
}

/** What everybody may do. */
export interface PublicFacts {
	readonly object: string;
	readonly privilege: string;
}

/** What the database says of the schema portcullis. */
export interface Catalogue {
	readonly owner: string;
	readonly relations: readonly RelationFacts[];
	readonly policies: readonly PolicyFacts[];
	readonly privileges: readonly PrivilegeFacts[];
	readonly keys: readonly KeyFacts[];
	readonly foreignKeys: readonly ForeignKeyFacts[];
	readonly definers: readonly DefinerFacts[];
	readonly everybody: readonly PublicFacts[];
}

/** Reads the catalogue; to be called in a transaction. */
export async function readCatalogue(query: Query): Promise<Catalogue> {
	// Expressions are printed with the schema of what is not found without it: nothing of ours may be found without.
	await query("select set_config('search_path', 'pg_catalog', true)");
	const [schema] = await query<{ owner: string }>(
		"select pg_get_userbyid(nspowner) as owner from pg_namespace where nspname = 'portcullis'",
	);
	return {
		owner: schema?.owner ?? '',
		relations: await readRelations(query),
		policies: await readPolicies(query),
		privileges: await readPrivileges(query, ['portcullis_app', 'portcullis_platform']),
		keys: await readKeys(query),
		foreignKeys: await readForeignKeys(query),
		definers: await readDefiners(query),
		everybody: await readPublic(query),
	};
}

function readRelations(query: Query): Promise<readonly RelationFacts[]> {
	return query(
		`select c.relname as name, c.relkind as kind, c.relrowsecurity as protected, c.relforcerowsecurity as forced,
			c.relhasrules as rewritten,
			case when c.relispartition then (select relname from pg_class where oid = pg_partition_root(c.oid)) end as root,
			exists (select from pg_options_to_table(c.reloptions)
				where option_name = 'security_invoker' and option_value in ('true', 'on', 'yes', '1')) as invoker,
			(select format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end
				from pg_attribute a where a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
			) as "workspaceColumn"
		 from pg_class c
		 where c.relnamespace = (select oid from pg_namespace where nspname = 'portcullis')
			and c.relkind in ('r', 'p', 'v', 'm', 'f')
		 order by c.relname`,
	);
}

function readPolicies(query: Query): Promise<readonly PolicyFacts[]> {
	return query(
		`select c.relname as table, p.polname as name, p.polcmd as command, p.polpermissive as permissive,
			array(
				select case when role = 0 then 'public' else pg_get_userbyid(role)::text end
				from unnest(p.polroles) role order by 1
			) as roles,
			pg_get_expr(p.polqual, p.polrelid) as using, pg_get_expr(p.polwithcheck, p.polrelid) as check
		 from pg_policy p join pg_class c on c.oid = p.polrelid
		 where c.relnamespace = (select oid from pg_namespace where nspname = 'portcullis')
		 order by c.relname, p.polname`,
	);
}

/** Who this connection is, and what it and the role may do with each relation of the schema. */
export async function readOwnPrivileges(
	query: Query,
	role: string,
): Promise<{ readonly login: string; readonly held: readonly PrivilegeFacts[] }> {
	const [who] = await query<{ login: string }>('select session_user as login');
	const login = who?.login ?? '';
	return { login, held: await readPrivileges(query, [role, login]) };
}

// Relations that a role may do nothing with are left out.
function readPrivileges(query: Query, roles: readonly string[]): Promise<readonly PrivilegeFacts[]> {
	return query(
		`select * from (
			select r.rolname as role, c.relname as object, array(
				select p from unnest(
					array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'] ||
					case when current_setting('server_version_num')::int >= 170000 then array['MAINTAIN'] end
				) p
				where has_table_privilege(r.oid, c.oid, p) or case when p in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
					then has_any_column_privilege(r.oid, c.oid, p) end
			) as privileges
			from pg_class c cross join pg_roles r
			where c.relnamespace = (select oid from pg_namespace where nspname = 'portcullis')
				and c.relkind in ('r', 'p', 'v', 'm', 'f') and r.rolname = any($1)
		 ) held where cardinality(privileges) > 0 order by object, role`,
		[roles],
	);
}

// Columns that an index merely includes are no part of its key.
function readKeys(query: Query): Promise<readonly KeyFacts[]> {
	return query(
		`select c.relname as table, i.relname as name, x.indisprimary as primary,
			array(select pg_get_indexdef(x.indexrelid, n, true) from generate_series(1, x.indnkeyatts) n) as columns
		 from pg_index x join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
		 where c.relnamespace = (select oid from pg_namespace where nspname = 'portcullis')
			and c.relkind in ('r', 'p') and (x.indisunique or x.indisexclusion)
		 order by c.relname, i.relname`,
	);
}

function readForeignKeys(query: Query): Promise<readonly ForeignKeyFacts[]> {
	return query(
		`select c.relname as table, k.conname as name, t.relname as target,
			array(select a.attname::text from unnest(k.conkey) with ordinality key (number, at)
				join pg_attribute a on a.attrelid = k.conrelid and a.attnum = key.number order by at) as columns,
			array(select a.attname::text from unnest(k.confkey) with ordinality key (number, at)
				join pg_attribute a on a.attrelid = k.confrelid and a.attnum = key.number order by at) as "targetColumns"
		 from pg_constraint k join pg_class c on c.oid = k.conrelid join pg_class t on t.oid = k.confrelid
		 where k.contype = 'f' and c.relnamespace = (select oid from pg_namespace where nspname = 'portcullis')
		 order by c.relname, k.conname`,
	);
}

function readDefiners(query: Query): Promise<readonly DefinerFacts[]> {
	return query(
		`select proname as name, (select each from unnest(proconfig) each where each like 'search_path=%') as "searchPath"
		 from pg_proc
		 where pronamespace = (select oid from pg_namespace where nspname = 'portcullis') and prosecdef
		 order by proname`,
	);
}

// No list at all on a function means that everybody may run it.
function readPublic(query: Query): Promise<readonly PublicFacts[]> {
	return query(
		`with schema as (select oid, nspname, nspacl, nspowner from pg_namespace where nspname = 'portcullis'), granted as (
			select c.relname as object, c.relacl as acl from pg_class c join schema on schema.oid = c.relnamespace
			union all
			select c.relname, a.attacl from pg_attribute a join pg_class c on c.oid = a.attrelid
				join schema on schema.oid = c.relnamespace
			union all
			select p.proname, coalesce(p.proacl, acldefault('f', p.proowner)) from pg_proc p
				join schema on schema.oid = p.pronamespace
			union all
			select schema.nspname, schema.nspacl from schema
		 )
		 select distinct object, item.privilege_type as privilege from granted, aclexplode(acl) item
		 where item.grantee = 0 order by 1, 2`,
	);
}

/** What stands in the way of a login, as the connection that asks has it. */
export interface LoginFacts {
	/** Who logged in. */
	readonly login: string;
	/** Whether the login may do what the role may; `null` where there is no such role. */
	readonly member: boolean | null;
	/** Roles above the rules that the login is or could become. */
	readonly powers: readonly string[];
	/** What of the schema the login owns or could own. */
	readonly owned: readonly string[];
	/** Whether the login may make things in the schema. */
	readonly creates: boolean;
	/** Whether the login is a member of the role that is not its own. */
	readonly crossed: boolean;
	/** A workspace that the connection begins with, before any transaction names one. */
	readonly preset: string;
}

/** Reads what the login of this connection is and may become. Works in a database without the schema, too. */
export async function readLogin(query: Query, role: string, otherRole: string): Promise<LoginFacts> {
	const [facts] = await query<LoginFacts>(
		`with schema as (select oid, nspowner from pg_namespace where nspname = 'portcullis'), owned as (
			select 'the database' as object, datdba as owner from pg_database where datname = current_database()
			union all
			select 'the schema portcullis', nspowner from schema
			union all
			select 'portcullis.' || relname, relowner from pg_class
				where relnamespace = (select oid from schema) and relkind in ('r', 'p', 'v', 'm', 'f', 'S')
			union all
			select 'portcullis.' || proname, proowner from pg_proc where pronamespace = (select oid from schema)
		 )
		 select session_user as login,
			(select pg_has_role(current_user, oid, 'usage') from pg_roles where rolname = $1) as member,
			exists (select from pg_roles where rolname = $2 and pg_has_role(session_user, oid, 'member')) as crossed,
			array(
				select rolname::text || case when rolsuper then ' (superuser)' when rolbypassrls then ' (bypassrls)'
					when rolcreaterole then ' (createrole)' when rolreplication then ' (replication)' else '' end
				from pg_roles where pg_has_role(session_user, oid, 'member') and (
					rolsuper or rolbypassrls or rolcreaterole or rolreplication or rolname in (
						'pg_read_all_data', 'pg_write_all_data', 'pg_maintain', 'pg_read_server_files',
						'pg_write_server_files', 'pg_execute_server_program'
					)
				) order by rolsuper desc, rolname = session_user desc, rolname
			) as powers,
			array(
				select object from owned where pg_has_role(session_user, owner, 'member') order by object not like 'the %', object
			) as owned,
			exists (select from schema where has_schema_privilege(session_user, oid, 'create')) as creates,
			coalesce(current_setting('app.workspace_id', true), '') as preset`,
		[role, otherRole],
	);
	if (facts === undefined) throw new Error('the catalogue gave no row');
	return facts;
}

/** What a transaction that names this workspace takes for its own; the empty text names none. */
export async function readContext(query: Query, workspaceId: string): Promise<string | null> {
	await query("select set_config('app.workspace_id', $1, true)", [workspaceId]);
	const [row] = await query<{ context: string | null }>('select portcullis.app_workspace()::text as context');
	return row?.context ?? null;
}
