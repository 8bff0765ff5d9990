import type pg from 'pg';

/** A table or partition, as the tests need to know it. */
export interface Table {
	readonly name: string;
	readonly partitioned: boolean;
	/** Whether it is a partition of another table, which holds its rows. */
	readonly partition: boolean;
	readonly columns: readonly Column[];
	readonly key: readonly string[];
	readonly parents: readonly Parent[];
}

interface Column {
	readonly name: string;
	/** Type beneath any domain, without length. */
	readonly type: string;
	readonly nullable: boolean;
	readonly defaulted: boolean;
	/** Values that a check lets it have; empty where it lets it have others. */
	readonly choices: readonly string[];
}

interface Parent {
	readonly table: string;
	readonly columns: readonly string[];
	readonly targetColumns: readonly string[];
}

/** Values of a row as text that PostgreSQL reads by the type of the column. */
export type Row = Readonly<Record<string, string>>;

/** Which row of a workspace; rows with the same seed are the same in all workspaces, but for the workspace. */
export interface Wanted {
	readonly table: string;
	readonly workspaceId: string;
	readonly seed: number;
}

/** Values that types and checks do not tell, by table and column. */
const OVERRIDES: Readonly<Record<string, Readonly<Record<string, (wanted: Wanted) => string>>>> = {
	workspace: { slug: ({ workspaceId, seed }) => `w${workspaceId.slice(0, 8)}-${seed}` },
	migration: { number: ({ seed }) => `${9000 + seed}` },
	// Those of people need an owner, which a row may be without.
	api_key: { kind: () => 'service' },
	credential: {
		owner: () => 'principal',
		issuer: ({ seed }) => `issuer-${seed}`,
		tid: () => 'tid',
		oid: () => 'oid',
		sealed: () => '\\x01',
		key_id: () => 'key',
	},
	open_webui_link: { subject: ({ seed }) => `subject-${seed}` },
};

const VALUES: Readonly<Record<string, (column: string, seed: number) => string>> = {
	text: (column, seed) => `${column.replaceAll('_', '-')}-${seed}`,
	uuid: (_, seed) => `5eed0000-0000-4000-8000-${String(seed).padStart(12, '0')}`,
	integer: (_, seed) => String(seed),
	bigint: (_, seed) => String(seed),
	'double precision': (_, seed) => String(seed),
	boolean: () => 'true',
	bytea: (column, seed) => `\\x${Buffer.from(`${column} ${seed}`).toString('hex')}`,
	jsonb: () => '{}',
	'text[]': (column, seed) => `{${column}-${seed}}`,
	'timestamp with time zone': (_, seed) => `2031-05-01T00:00:${String(seed).padStart(2, '0')}Z`,
};

/** The tables of the schema in an order in which parents come before children. */
export async function readTables(client: pg.Client): Promise<readonly Table[]> {
	const { rows } = await client.query<Table>(
		`select c.relname as name, c.relkind = 'p' as partitioned, c.relispartition as partition,
			(select json_agg(json_build_object(
				'name', a.attname, 'nullable', not a.attnotnull, 'defaulted', a.atthasdef,
				'type', format_type(coalesce(nullif(t.typbasetype, 0), t.oid), -1),
				'choices', (
					select coalesce(json_agg(choice[1]), '[]') from pg_constraint k, regexp_matches(
						case when pg_get_constraintdef(k.oid) ~ '^CHECK \\(\\(\\w+ = ANY \\(ARRAY\\[.*\\]\\)\\)\\)$'
						then pg_get_constraintdef(k.oid) end, '''([^'']*)''::text', 'g') choice
					where k.contype = 'c' and (k.contypid = t.oid or (k.conrelid = c.oid and k.conkey = array[a.attnum]))
				)
			) order by a.attnum) from pg_attribute a join pg_type t on t.oid = a.atttypid
			where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
			(select json_agg(a.attname) from pg_index x join pg_attribute a on a.attrelid = c.oid and a.attnum = any(x.indkey)
				where x.indrelid = c.oid and x.indisprimary) as key,
			(select coalesce(json_agg(json_build_object(
				'table', p.relname,
				'columns', (select json_agg(a.attname order by at) from unnest(k.conkey) with ordinality u (n, at)
					join pg_attribute a on a.attrelid = k.conrelid and a.attnum = n),
				'targetColumns', (select json_agg(a.attname order by at) from unnest(k.confkey) with ordinality u (n, at)
					join pg_attribute a on a.attrelid = k.confrelid and a.attnum = n)
			)), '[]') from pg_constraint k join pg_class p on p.oid = k.confrelid
			where k.contype = 'f' and k.conrelid = c.oid) as parents
		 from pg_class c
		 where c.relnamespace = 'portcullis'::regnamespace and c.relkind in ('r', 'p') order by c.relname`,
	);
	return parentsFirst(rows);
}

function parentsFirst(tables: readonly Table[]): readonly Table[] {
	const placed: Table[] = [];
	const place = (table: Table, trail: readonly string[]): void => {
		if (placed.includes(table) || trail.includes(table.name)) return;
		for (const parent of table.parents) {
			const above = tables.find(({ name }) => name === parent.table);
			if (above !== undefined) place(above, [...trail, table.name]);
		}
		placed.push(table);
	};
	for (const table of tables) place(table, []);
	return placed;
}

/** Whether the table has rows of workspaces. */
export const ofWorkspaces = ({ columns }: Table): boolean => columns.some(({ name }) => name === 'workspace_id');

/** Whether rows of the platform itself, which has no workspace, can stand in it. */
export const holdsPlatform = (table: Table): boolean =>
	ofWorkspaces(table) && table.name !== 'workspace' && table.parents.length === 0;

/**
 * Makes a row out of the types, checks and foreign keys of its table: what may be missing is missing, what has a default
 * has it, unless it is part of the key. Its parents are those with seed 1. Throws for a type it has no values of.
 */
export function makeRow(tables: readonly Table[], wanted: Wanted): Row {
	const table = tables.find(({ name }) => name === wanted.table);
	if (table === undefined) throw new Error(`there is no table ${wanted.table}`);
	const inherited = Object.assign({}, ...table.parents.map((parent) => inherit(tables, parent, wanted))) as Row;
	const own = table.columns.flatMap((column) => {
		const value = column.name === 'workspace_id' ? wanted.workspaceId : valueFor(table, column, wanted);
		return value === undefined ? [] : [[column.name, value] as const];
	});
	return { ...Object.fromEntries(own), ...inherited };
}

function inherit(tables: readonly Table[], parent: Parent, { workspaceId }: Wanted): Row {
	const row = makeRow(tables, { table: parent.table, workspaceId, seed: 1 });
	return Object.fromEntries(parent.columns.map((column, at) => [column, row[parent.targetColumns[at]!]!]));
}

function valueFor(table: Table, column: Column, wanted: Wanted): string | undefined {
	const override = OVERRIDES[table.name]?.[column.name];
	if (override !== undefined) return override(wanted);
	if (!table.key.includes(column.name) && (column.nullable || column.defaulted)) return undefined;
	if (column.choices[0] !== undefined) return column.choices[0];
	const make = VALUES[column.type];
	if (make === undefined) throw new Error(`${table.name}.${column.name}: no values of type ${column.type} are known`);
	return make(column.name, wanted.seed);
}

/** The statement that puts the row into the table. */
export function insertOf(table: string, row: Row): string {
	const columns = Object.keys(row).map(quote).join(', ');
	return `insert into portcullis.${quote(table)} (${columns}) values (${Object.values(row).map(literal).join(', ')})`;
}

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A text as SQL has it. */
export function literal(value: string): string {
	return `E'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
