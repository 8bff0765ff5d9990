/** The logins of the database. */
export const ROLES = {
	/** Owns the database and everything in it; runs migrations. */
	owner: 'portcullis_owner',
	/** The work of one workspace at a time; owns nothing. */
	app: 'portcullis_app',
	/** The narrow work across workspaces; owns nothing. */
	platform: 'portcullis_platform',
	/** Made by initdb: sets passwords, makes back-ups. */
	superuser: 'postgres',
} as const;

/** One of the logins. */
export type RoleName = keyof typeof ROLES;

/** The database of the gateway. */
export const DATABASE = 'portcullis';

const PLAIN = 'LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION';

/** Statements that make the roles and the database in a fresh cluster, for the superuser. */
export function clusterStatements(): readonly string[] {
	return [
		`CREATE ROLE ${ROLES.owner} ${PLAIN}`,
		`CREATE ROLE ${ROLES.app} ${PLAIN} NOINHERIT`,
		`CREATE ROLE ${ROLES.platform} ${PLAIN} NOINHERIT`,
		'REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC',
		...databaseStatements(DATABASE),
	];
}

/** Statements that make one more database that only the three roles can enter. */
export function databaseStatements(name: string): readonly string[] {
	return [
		`CREATE DATABASE ${name} OWNER ${ROLES.owner} STRATEGY file_copy`,
		`REVOKE ALL ON DATABASE ${name} FROM PUBLIC`,
		`GRANT CONNECT ON DATABASE ${name} TO ${ROLES.app}, ${ROLES.platform}`,
	];
}
