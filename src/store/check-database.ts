import { type CatalogueFault, catalogueFaults } from './catalogue-faults.ts';
import { createPool, type PgConnection } from './connection.ts';
import { type AppliedMigration, type Migration, pendingMigrations, readMigrations } from './migrations.ts';
import { type LoginFacts, readLogin, readOwnPrivileges } from './queries/catalogue.ts';
import { readApplied } from './queries/migration.ts';
import { StartError, type StartErrorCode } from './start-error.ts';
import type { StoreConnections } from './store.ts';
import { transact } from './transaction.ts';
import type { Query } from './tx.ts';

const APP = 'portcullis_app';
const PLATFORM = 'portcullis_platform';
/** Where the operator names the login of a role. */
const SETTINGS: Readonly<Record<string, string>> = {
	[APP]: 'DATABASE_URL',
	[PLATFORM]: 'DATABASE_PLATFORM_URL',
};
/** A sentence names no more than these; more would hide them. */
const MOST_NAMED = 8;

/**
 * Looks whether this database keeps workspaces apart, and whether its schema is this version's; to be called before
 * anything is read from it, at every start. Throws `StartError` where the gateway must not start, and
 * PC_STORE_UNAVAILABLE where there is no database.
 */
export async function checkDatabase(
	{ app, platform }: StoreConnections,
	migrations: readonly Migration[] = readMigrations(),
): Promise<void> {
	await inspect(app, async (ask) => {
		await checkLogin(ask, { role: APP, otherRole: PLATFORM });
		checkSchema(await ask(readApplied), migrations);
		await checkPrivileges(ask, APP);
		checkCatalogue(await ask(catalogueFaults));
	});
	await inspect(platform, async (ask) => {
		await checkLogin(ask, { role: PLATFORM, otherRole: APP });
		checkSchema(await ask(readApplied), migrations);
		await checkPrivileges(ask, PLATFORM);
	});
}

/** Reads something in a transaction of its own. */
type Ask = <T>(read: (query: Query) => Promise<T>) => Promise<T>;

async function inspect(connection: PgConnection, fn: (ask: Ask) => Promise<void>): Promise<void> {
	const pool = createPool({ connection, size: 1 });
	try {
		await fn((read) => transact(pool, {}, read));
	} finally {
		await pool.end();
	}
}

function fail(code: StartErrorCode, sentence: string): never {
	throw new StartError(code, sentence);
}

interface Roles {
	readonly role: string;
	readonly otherRole: string;
}

async function checkLogin(ask: Ask, roles: Roles): Promise<void> {
	const facts = await ask((query) => readLogin(query, roles.role, roles.otherRole));
	const fault = loginFault(facts, roles);
	if (fault !== undefined) fail(...fault);
}

function loginFault(facts: LoginFacts, { role, otherRole }: Roles): [StartErrorCode, string] | undefined {
	const { login, powers, owned, creates, crossed, member, preset } = facts;
	const remedy = `give ${SETTINGS[role]} a login of its own: create role gateway login inherit; grant ${role} to gateway;`;
	if (powers[0] !== undefined) {
		return [
			'PC_DATABASE_SUPERUSER',
			`The login ${login} is, or can become, ${powers[0]}, which is above row-level security; ${remedy}`,
		];
	}
	if (owned[0] !== undefined) {
		return ['PC_DATABASE_OWNER', `The login ${login} owns ${nameSome(owned)}, or is a member of the owner; ${remedy}`];
	}
	if (creates) return ['PC_DATABASE_OWNER', `The login ${login} may create in the schema portcullis; ${remedy}`];
	if (member === null) return ['PC_SCHEMA_OLD', `The database has no role ${role}; run "portcullis migrate".`];
	if (crossed) {
		return ['PC_DATABASE_ROLE', `The login ${login} is a member of ${otherRole}, whose work is not its; ${remedy}`];
	}
	if (!member) {
		return ['PC_DATABASE_ROLE', `The login ${login} does not have the rights of ${role}; ${remedy}`];
	}
	if (preset !== '') {
		return [
			'PC_DATABASE_ROLE',
			`Connections of ${login} begin with app.workspace_id set; take the setting from the role, the database or the URL.`,
		];
	}
	return undefined;
}

function checkSchema(applied: readonly AppliedMigration[], migrations: readonly Migration[]): void {
	const [next] = pendingMigrations(applied, migrations);
	if (next !== undefined) {
		fail('PC_SCHEMA_OLD', `The database lacks migration ${next.name}; run "portcullis migrate".`);
	}
}

/** A login has what its role has and nothing beside it: neither granted to itself nor come by through another role. */
async function checkPrivileges(ask: Ask, role: string): Promise<void> {
	const { login, held } = await ask((query) => readOwnPrivileges(query, role));
	const beyond = held
		.filter((each) => each.role === login && login !== role)
		.flatMap(({ object, privileges }) => {
			const allowed = held.find((each) => each.role === role && each.object === object)?.privileges ?? [];
			return privileges.filter((each) => !allowed.includes(each)).map((each) => `${each} on portcullis.${object}`);
		});
	if (beyond.length > 0) {
		fail('PC_DATABASE_ROLE', `The login ${login} has more rights than ${role}; revoke ${nameSome(beyond)}.`);
	}
}

function checkCatalogue(faults: readonly CatalogueFault[]): void {
	if (faults.length === 0) return;
	const named = nameSome(faults.map(({ object, fault }) => `portcullis.${object} ${fault}`));
	fail('PC_DATABASE_UNPROTECTED', `The database would not keep workspaces apart: ${named}.`);
}

function nameSome(names: readonly string[]): string {
	const rest = names.length - MOST_NAMED;
	return [...names.slice(0, MOST_NAMED), ...(rest > 0 ? [`and ${rest} more`] : [])].join('; ');
}
