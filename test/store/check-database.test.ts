import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkDatabase } from '../../src/store/check-database.ts';
import { migrate } from '../../src/store/migrate.ts';
import { readMigrations } from '../../src/store/migrations.ts';
import type { StoreConnections } from '../../src/store/store.ts';
import { startPgBouncer } from '../fakes/pgbouncer.ts';
import { startTestPostgres, type TestDatabase, type TestPostgres } from '../fakes/postgres.ts';
import { createCloning, createMigrated, describeOnBoth, run } from './migrated-database.ts';

const PASSWORD = 'of-a-login-of-the-tests';

interface BadLogin {
	readonly name: string;
	readonly code: string;
	readonly says: RegExp;
	/** Makes the login `$login`, in this database, as the superuser. */
	readonly sql: readonly string[];
}

const MEMBER = 'create role $login login inherit; grant portcullis_app to $login';

const BAD_LOGINS: readonly BadLogin[] = [
	{
		name: 'a superuser',
		code: 'PC_DATABASE_SUPERUSER',
		says: /\(superuser\)/,
		sql: ['create role $login login superuser'],
	},
	{
		name: 'a login that bypasses row-level security',
		code: 'PC_DATABASE_SUPERUSER',
		says: /\(bypassrls\)/,
		sql: [MEMBER, 'alter role $login bypassrls'],
	},
	{
		name: 'a login that makes roles',
		code: 'PC_DATABASE_SUPERUSER',
		says: /\(createrole\)/,
		sql: [MEMBER, 'alter role $login createrole'],
	},
	{
		name: 'a login that may copy the whole server',
		code: 'PC_DATABASE_SUPERUSER',
		says: /\(replication\)/,
		sql: [MEMBER, 'alter role $login replication'],
	},
	{
		name: 'a login that may become a role that bypasses row-level security',
		code: 'PC_DATABASE_SUPERUSER',
		says: /can become, \S+_bypass \(bypassrls\)/,
		sql: [
			'create role $login login noinherit',
			'create role $login_bypass bypassrls in role portcullis_app role $login',
		],
	},
	{
		name: 'a login that runs programs on the server',
		code: 'PC_DATABASE_SUPERUSER',
		says: /pg_execute_server_program/,
		sql: [MEMBER, 'grant pg_execute_server_program to $login'],
	},
	{
		name: 'a member of the owner',
		code: 'PC_DATABASE_OWNER',
		says: /owns the database; the schema portcullis; portcullis\.api_key; .* and \d+ more, or is a member of the owner/,
		sql: ['create role $login login noinherit', 'grant portcullis_app, portcullis_owner to $login'],
	},
	{
		name: 'a login that owns one table',
		code: 'PC_DATABASE_OWNER',
		says: /owns portcullis\.toolset, or/,
		sql: [MEMBER, 'alter table portcullis.toolset owner to $login'],
	},
	{
		name: 'a login that may create in the schema',
		code: 'PC_DATABASE_OWNER',
		says: /may create in the schema/,
		sql: [MEMBER, 'grant create on schema portcullis to $login'],
	},
	{
		name: 'a login without the rights of the role',
		code: 'PC_DATABASE_ROLE',
		says: /does not have the rights of portcullis_app; .*grant portcullis_app to gateway/,
		sql: ['create role $login login'],
	},
	{
		name: 'a login that does not inherit the rights of the role',
		code: 'PC_DATABASE_ROLE',
		says: /does not have the rights of portcullis_app/,
		sql: ['create role $login login noinherit', 'grant portcullis_app to $login'],
	},
	{
		name: 'a login that is a member of the other role, too',
		code: 'PC_DATABASE_ROLE',
		says: /is a member of portcullis_platform/,
		sql: ['create role $login login', 'grant portcullis_app, portcullis_platform to $login'],
	},
	{
		name: 'a login with a right of its own',
		code: 'PC_DATABASE_ROLE',
		says: /more rights than portcullis_app; revoke SELECT on portcullis\.directory; DELETE on portcullis\.usage_hour\.$/,
		sql: [
			MEMBER,
			'grant select on portcullis.directory to $login',
			'create role $login_cleaner role $login',
			'grant delete on portcullis.usage_hour to $login_cleaner',
		],
	},
	{
		name: 'a login whose connections begin in a workspace',
		code: 'PC_DATABASE_ROLE',
		says: /begin with app\.workspace_id set/,
		sql: [MEMBER, `alter role $login set app.workspace_id = '11111111-2222-4333-8444-555555555555'`],
	},
];

describeOnBoth('a gateway that starts', (kind) => {
	let postgres: TestPostgres;
	let migrated: TestDatabase;
	let clone: () => Promise<TestDatabase>;
	beforeAll(async () => {
		postgres = await startTestPostgres(kind);
		migrated = await createMigrated(postgres);
		clone = createCloning(postgres, migrated);
	});
	afterAll(() => postgres.close());

	/** A fresh copy of the database in which this login was made; logins belong to the whole server. */
	async function withLogin(sql: readonly string[]) {
		const database = await clone();
		const user = `login_${randomUUID().slice(0, 8)}`;
		const made = [...sql, `alter role $login password '${PASSWORD}'`, 'grant connect on database $database to $login'];
		const words = { $login: user, $database: database.superuser.database };
		await run(
			database.superuser,
			made.map((each) => each.replace(/\$(login|database)/g, (word) => words[word as keyof typeof words])),
		);
		return { ...database, login: { ...database.app, user, password: PASSWORD } };
	}
	const refusal = (connections: StoreConnections) =>
		checkDatabase(connections).then(
			() => undefined,
			(error) => error,
		);

	it('accepts the roles as logins, and logins that are members of them', async () => {
		await checkDatabase(migrated);
		const app = await withLogin([MEMBER]);
		await checkDatabase({ ...migrated, app: { ...app.login, database: app.app.database }, platform: app.platform });
		const platform = await withLogin(['create role $login login inherit; grant portcullis_platform to $login']);
		await checkDatabase({ app: platform.app, platform: platform.login });
	});

	it('accepts a database that is reached through PgBouncer', async ({ skip }) => {
		const bouncer = await startPgBouncer(migrated);
		if (bouncer === undefined) return skip('this machine has no PgBouncer');
		await checkDatabase(bouncer.connections);
		await bouncer.close();
		return undefined;
	});

	it.each(BAD_LOGINS)('refuses $name', async ({ code, says, sql }) => {
		const { login: app, platform } = await withLogin(sql);
		expect(await refusal({ app, platform })).toMatchObject({ code, message: expect.stringMatching(says) });
	});

	it('refuses the owner, and the two roles exchanged', async () => {
		const { owner, app, platform } = migrated;
		expect(await refusal({ app: owner, platform })).toMatchObject({ code: 'PC_DATABASE_OWNER' });
		expect(await refusal({ app, platform: owner })).toMatchObject({ code: 'PC_DATABASE_OWNER' });
		expect(await refusal({ app: platform, platform: app })).toMatchObject({ code: 'PC_DATABASE_ROLE' });
		expect(await refusal({ app, platform: app })).toMatchObject({ code: 'PC_DATABASE_ROLE' });
	});

	it('refuses a superuser before it looks for anything else', async () => {
		const empty = await postgres.createDatabase();
		expect(await refusal({ ...empty, app: empty.superuser })).toMatchObject({ code: 'PC_DATABASE_SUPERUSER' });
		expect(await refusal({ ...migrated, platform: migrated.superuser })).toMatchObject({
			code: 'PC_DATABASE_SUPERUSER',
		});
	});

	it('refuses a table that nothing protects', async () => {
		const database = await clone();
		await run(database.owner, ['create table portcullis.note (workspace_id uuid primary key, text text)']);
		expect(await refusal(database)).toMatchObject({
			code: 'PC_DATABASE_UNPROTECTED',
			message:
				'The database would not keep workspaces apart: portcullis.note has no row-level security; portcullis.note does not force its row-level security on its owner; portcullis.note has no policy.',
		});
	});

	it('refuses a database without the schema, with an older one, a newer one, and a changed one', async () => {
		const empty = await postgres.createDatabase();
		expect(await refusal(empty)).toMatchObject({
			code: 'PC_SCHEMA_OLD',
			message: 'The database lacks migration 0001_schema.sql; run "portcullis migrate".',
		});
		const known = readMigrations();
		const name = `${String(known.length + 1).padStart(4, '0')}_more.sql`;
		const more = { number: known.length + 1, name, sql: '', checksum: 'c' };
		await expect(checkDatabase(migrated, [...known, more])).rejects.toMatchObject({
			code: 'PC_SCHEMA_OLD',
			message: `The database lacks migration ${name}; run "portcullis migrate".`,
		});
		await expect(checkDatabase(migrated, known.slice(0, -1))).rejects.toMatchObject({ code: 'PC_SCHEMA_NEWER' });
		const changed = known.map((migration, index) => (index === 0 ? { ...migration, checksum: 'c' } : migration));
		await expect(checkDatabase(migrated, changed)).rejects.toMatchObject({ code: 'PC_SCHEMA_CHANGED' });
	});

	it('says that there is no database, where there is none', async () => {
		const nowhere = { ...migrated.app, host: `${migrated.app.host}-gone` };
		expect(await refusal({ ...migrated, app: nowhere })).toMatchObject({ code: 'PC_STORE_UNAVAILABLE' });
	});
});

describeOnBoth('a server of your own', (kind) => {
	it('is set up as docs/store.md says, and the gateway starts on it', async () => {
		const postgres = await startTestPostgres(kind);
		const { superuser } = postgres;
		const page = readFileSync(new URL('../../docs/store.md', import.meta.url), 'utf8');
		const written = /```sql\n([^`]+)```/.exec(page)?.[1]?.replaceAll('…', PASSWORD).split(';\n') ?? [];
		await run({ ...superuser, database: 'postgres' }, [
			'drop database portcullis',
			'drop role portcullis_owner, portcullis_app, portcullis_platform',
			...written,
		]);
		const as = (user: string) => ({ ...superuser, user, password: PASSWORD, database: 'portcullis' });
		await migrate(as('portcullis_owner'));
		await checkDatabase({ app: as('gateway'), platform: as('gateway_platform') });
		await expect(checkDatabase({ app: as('gateway'), platform: as('gateway') })).rejects.toMatchObject({
			code: 'PC_DATABASE_ROLE',
			message: expect.stringContaining('give DATABASE_PLATFORM_URL a login of its own'),
		});
		await postgres.close();
	});
});
