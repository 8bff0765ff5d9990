import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CatalogueFault, catalogueFaults } from '../../src/store/catalogue-faults.ts';
import { checkDatabase } from '../../src/store/check-database.ts';
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../fakes/postgres.ts';
import { createCloning, createMigrated, describeOnBoth, queryOf, run, withClient } from './migrated-database.ts';

const OWN = 'workspace_id = (select portcullis.app_workspace())';
const TABLE = 'create table portcullis.note (workspace_id uuid not null, id uuid not null, text text';
const PROTECT = 'alter table portcullis.note enable row level security, force row level security';
const POLICY = `create policy own_workspace on portcullis.note for all to portcullis_app using (${OWN}) with check (${OWN})`;
const KEY = 'primary key (workspace_id, id)';
const GUARDED = [`${TABLE}, ${KEY})`, PROTECT, POLICY];
const MONTH = ["select portcullis.ensure_audit_month('2031-05-01')"];

interface Plant {
	readonly name: string;
	/** Run as the owner of the schema. */
	readonly sql: readonly string[];
	readonly found: readonly string[];
}

const PLANTS: readonly Plant[] = [
	{
		name: 'a table without row-level security',
		sql: ['alter table portcullis.server disable row level security'],
		found: ['server has no row-level security'],
	},
	{
		name: 'a table whose owner is not bound',
		sql: ['alter table portcullis.server no force row level security'],
		found: ['server does not force its row-level security on its owner'],
	},
	{ name: 'a table without a policy', sql: [`${TABLE}, ${KEY})`, PROTECT], found: ['note has no policy'] },
	{
		name: 'a table that lost its policy',
		sql: ['drop policy own_workspace on portcullis.toolset_tool'],
		found: [
			'toolset_tool has no policy',
			...['SELECT', 'INSERT', 'UPDATE', 'DELETE'].map(
				(right) => `toolset_tool has no policy by which portcullis_app may ${right}`,
			),
		],
	},
	{
		name: 'a policy that is always true',
		sql: ['alter policy own_workspace on portcullis.credential using (true)'],
		found: [
			'credential has a policy own_workspace that does not compare workspace_id with (select portcullis.app_workspace())',
		],
	},
	{
		name: 'a policy that lets anything be written',
		sql: ['alter policy own_workspace on portcullis.credential with check (true)'],
		found: [
			'credential has a policy own_workspace that does not compare workspace_id with (select portcullis.app_workspace())',
		],
	},
	{
		name: 'a policy that goes by a setting of its own',
		sql: [
			"alter policy own_workspace on portcullis.api_key using (workspace_id = current_setting('app.workspace_id', true)::uuid)",
		],
		found: [
			'api_key has a policy own_workspace that does not compare workspace_id with (select portcullis.app_workspace())',
		],
	},
	{
		name: 'a policy that goes by a function of another schema',
		sql: [
			"create function public.app_workspace() returns uuid language sql as $$ select '11111111-2222-4333-8444-555555555555'::uuid $$",
			'alter policy own_workspace on portcullis.api_key using (workspace_id = (select public.app_workspace()))',
		],
		found: [
			'api_key has a policy own_workspace that does not compare workspace_id with (select portcullis.app_workspace())',
		],
	},
	{
		name: 'a second permissive policy',
		sql: [`create policy rival on portcullis.server for select to portcullis_app using (${OWN})`],
		found: ['server has a policy rival that widens the policy own_workspace'],
	},
	{
		name: 'a policy for everybody',
		sql: [`create policy anyone on portcullis.server for select using (${OWN})`],
		found: [
			'server has a policy anyone that is for public',
			'server has a policy anyone that opens rows of workspaces to public',
		],
	},
	{
		name: 'a policy for the owner',
		sql: ['create policy mine on portcullis.server to portcullis_owner using (true)'],
		found: [
			'server has a policy mine that is for portcullis_owner',
			'server has a policy mine that opens rows of workspaces to portcullis_owner',
		],
	},
	{
		name: "a policy that shows the platform a workspace's rows",
		sql: ['create policy curious on portcullis.server for select to portcullis_platform using (true)'],
		found: ['server has a policy curious that opens rows of workspaces to portcullis_platform'],
	},
	{
		name: 'a table of the platform that is open to workspaces',
		sql: [
			'create policy open on portcullis.signing_key for select to portcullis_app using (true)',
			'grant select on portcullis.signing_key to portcullis_app',
		],
		found: [
			'signing_key has a policy open that opens a table of the platform to portcullis_app',
			'signing_key is of the platform and grants SELECT to portcullis_app',
		],
	},
	{
		name: 'a unique key without the workspace',
		sql: ['create unique index server_slug on portcullis.server (slug) include (workspace_id)'],
		found: ['server has a key server_slug without workspace_id'],
	},
	{
		name: 'a primary key without the workspace',
		sql: [`${TABLE}, primary key (id))`, PROTECT, POLICY],
		found: ['note has a key note_pkey without workspace_id'],
	},
	{
		name: 'an exclusion without the workspace',
		sql: ['alter table portcullis.server add constraint one_each exclude using btree (slug with =)'],
		found: ['server has a key one_each without workspace_id'],
	},
	{ name: 'a table without a primary key', sql: [`${TABLE})`, PROTECT, POLICY], found: ['note has no primary key'] },
	{
		name: 'a workspace that may be missing',
		sql: [
			'create table portcullis.note (workspace_id uuid, id uuid unique nulls not distinct)',
			'alter table portcullis.note drop constraint note_id_key, add unique (workspace_id, id)',
			PROTECT,
			POLICY,
		],
		found: ['note has a workspace_id that is uuid, not uuid not null', 'note has no primary key'],
	},
	{
		name: 'a foreign key that does not bind the workspace',
		sql: [
			...GUARDED,
			'create unique index server_id on portcullis.server (id)',
			'alter table portcullis.note add foreign key (id) references portcullis.server (id)',
		],
		found: [
			'server has a key server_id without workspace_id',
			'note has a foreign key note_id_fkey that does not bind workspace_id',
		],
	},
	{
		name: 'a foreign key that binds the workspace to something else',
		sql: [
			...GUARDED,
			'alter table portcullis.server add unique (id, workspace_id)',
			'alter table portcullis.note add foreign key (workspace_id, id) references portcullis.server (id, workspace_id)',
		],
		found: ['note has a foreign key note_workspace_id_id_fkey that does not bind workspace_id'],
	},
	{
		name: 'a table that belongs to no workspace',
		sql: [
			'create table portcullis.note (id uuid primary key)',
			PROTECT,
			'create policy platform on portcullis.note to portcullis_platform using (true)',
		],
		found: [
			'note has no workspace_id and is not known as a table of the platform',
			'note has a policy platform that opens rows of workspaces to portcullis_platform',
		],
	},
	{
		name: 'a view that asks as its owner',
		sql: ['create view portcullis.servers as select * from portcullis.server'],
		found: ['servers is a view that asks with the rights of its owner'],
	},
	{
		name: 'a materialised view',
		sql: ['create materialized view portcullis.servers as select * from portcullis.server'],
		found: ['servers is a materialised view, which no policy protects'],
	},
	{
		name: 'a foreign table',
		sql: [
			'reset role',
			'create foreign data wrapper nothing',
			'create server elsewhere foreign data wrapper nothing',
			'create foreign table portcullis.far (workspace_id uuid not null) server elsewhere',
		],
		found: ['far is a foreign table, which no policy protects'],
	},
	{
		name: 'a rewrite rule',
		sql: ['create rule quiet as on delete to portcullis.server do instead nothing'],
		found: ['server has a rewrite rule, which acts with the rights of its owner'],
	},
	{
		name: 'a function with the rights of its owner and the search path of its caller',
		sql: [
			"create function portcullis.lookup() returns text language sql security definer as $$ select 'x' $$",
			'revoke all on function portcullis.lookup() from public',
		],
		found: ['lookup runs as its owner without "set search_path = pg_catalog, pg_temp"'],
	},
	{
		name: 'a function that looks among temporary things first',
		sql: ['alter function portcullis.ensure_audit_month(date) set search_path = pg_catalog'],
		found: ['ensure_audit_month runs as its owner without "set search_path = pg_catalog, pg_temp"'],
	},
	{
		name: 'a context that is always there',
		sql: [
			`create or replace function portcullis.app_workspace() returns uuid language sql stable
				as $$ select '11111111-2222-4333-8444-555555555555'::uuid $$`,
		],
		found: [
			'app_workspace says 11111111-2222-4333-8444-555555555555 where the transaction names ""',
			'app_workspace says 11111111-2222-4333-8444-555555555555 where the transaction names "00000000-0000-0000-0000-000000000000"',
		],
	},
	...['TRUNCATE', 'REFERENCES', 'TRIGGER'].map((right) => ({
		name: `the right to ${right}`,
		sql: [`grant ${right} on portcullis.server to portcullis_app`],
		found: [`server grants ${right} to portcullis_app`],
	})),
	{
		name: 'the right to refer to one column',
		sql: ['grant references (slug) on portcullis.server to portcullis_platform'],
		found: ['server grants REFERENCES to portcullis_platform'],
	},
	{
		name: 'a right that no policy answers',
		sql: ['grant select on portcullis.server to portcullis_platform'],
		found: ['server has no policy by which portcullis_platform may SELECT'],
	},
	{
		name: 'a right on a partition',
		sql: [...MONTH, 'grant select, insert on portcullis.audit_event_2031_05 to portcullis_app'],
		found: ['audit_event_2031_05 grants SELECT, INSERT on a partition to portcullis_app'],
	},
	{
		name: 'a partition that does not bind its owner',
		sql: [...MONTH, 'alter table portcullis.audit_event_2031_05 no force row level security'],
		found: ['audit_event_2031_05 does not force its row-level security on its owner'],
	},
	{
		name: 'a partition with other policies than its table',
		sql: [...MONTH, 'drop policy platform_erase on portcullis.audit_event_2031_05'],
		found: ['audit_event_2031_05 is a partition with other policies than audit_event'],
	},
	{
		name: 'a partition that somebody made by hand',
		sql: [
			"create table portcullis.older partition of portcullis.audit_event for values from ('2001-01-01') to ('2001-02-01')",
		],
		found: [
			'older has no row-level security',
			'older does not force its row-level security on its owner',
			'older has no policy',
			'older is a partition with other policies than audit_event',
		],
	},
	{
		name: 'rights of everybody',
		sql: [
			'grant select on portcullis.server to public',
			'grant update (title) on portcullis.server to public',
			'grant usage on schema portcullis to public',
			'grant execute on function portcullis.ensure_audit_month(date) to public',
		],
		found: [
			'server has no policy by which portcullis_platform may SELECT',
			'server has no policy by which portcullis_platform may UPDATE',
			'ensure_audit_month grants EXECUTE to everybody',
			'portcullis grants USAGE to everybody',
			'server grants SELECT to everybody',
			'server grants UPDATE to everybody',
		],
	},
	{
		name: 'a function that everybody may run because nobody said otherwise',
		sql: ["create function portcullis.fresh() returns text language sql as $$ select 'x' $$"],
		found: ['fresh grants EXECUTE to everybody'],
	},
];

describeOnBoth('the rules every table is held to', (kind) => {
	let postgres: TestPostgres;
	let migrated: TestDatabase;
	let clone: () => Promise<TestDatabase>;
	beforeAll(async () => {
		postgres = await startTestPostgres(kind);
		migrated = await createMigrated(postgres);
		clone = createCloning(postgres, migrated);
	});
	afterAll(() => postgres.close());

	const lint = ({ app }: TestDatabase): Promise<readonly CatalogueFault[]> =>
		withClient(app, async (client) => {
			await client.query('begin');
			return catalogueFaults(queryOf(client));
		});
	const plant = async (sql: readonly string[]): Promise<TestDatabase> => {
		const database = await clone();
		await run(database.superuser, ['set role portcullis_owner', ...sql]);
		return database;
	};

	it('are kept by the schema, months of records included', async () => {
		expect(await lint(migrated)).toEqual([]);
		expect(await lint(await plant([...MONTH]))).toEqual([]);
	});

	it('allow a table that keeps them, and a view that asks as its reader', async () => {
		const database = await plant([
			...GUARDED,
			'create view portcullis.notes with (security_invoker = on) as select * from portcullis.note',
			'alter table portcullis.note add foreign key (workspace_id, id) references portcullis.server (workspace_id, id)',
			'create policy fewer on portcullis.note as restrictive for select to portcullis_app using (text is not null)',
		]);
		expect(await lint(database)).toEqual([]);
	});

	it.each(PLANTS)('find $name, and no gateway starts on it', async ({ sql, found }) => {
		const database = await plant(sql);
		const faults = await lint(database);
		expect(faults.map(({ object, fault }) => `${object} ${fault}`)).toEqual(found);
		await expect(checkDatabase(database)).rejects.toMatchObject({
			code: 'PC_DATABASE_UNPROTECTED',
			message: expect.stringContaining(found[0]!),
		});
	});
});
