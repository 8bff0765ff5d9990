/** Whether commits survive the loss of power. `fast` is for tests: it forgoes every wait for the disk. */
export type Durability = 'safe' | 'fast';

/** What the settings of a server depend on. */
export interface ServerPlace {
	/** Private folder of the socket. */
	readonly run: string;
	/** The host-based access rules. */
	readonly accessFile: string;
	readonly durability: Durability;
}

/** Port number that only names the socket; nothing listens on TCP. */
export const SOCKET_PORT = 5432;

/** Everybody proves a password, over the socket; there is no other way in. */
export const ACCESS_RULES = 'local all all scram-sha-256\n';

/**
 * Settings of the server as arguments, which beat every file and every ALTER SYSTEM. Its log may hold no value of a row
 * and no statement: errors of statements, which can quote both, go to the caller only (`log_min_messages`).
 */
export function serverSettings({ run, accessFile, durability }: ServerPlace): readonly string[] {
	const fast = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
	const settings = {
		listen_addresses: '',
		port: SOCKET_PORT,
		// A list: quoted, for a folder may have a comma in its name.
		unix_socket_directories: `"${run.replaceAll('"', '""')}"`,
		unix_socket_permissions: '0700',
		hba_file: accessFile,
		password_encryption: 'scram-sha-256',
		ssl: 'off',
		max_connections: 60,
		timezone: 'UTC',
		jit: 'off',
		log_destination: 'stderr',
		logging_collector: 'off',
		log_line_prefix: '',
		log_timezone: 'UTC',
		log_statement: 'none',
		log_min_messages: 'log',
		log_min_error_statement: 'panic',
		log_min_duration_statement: -1,
		log_error_verbosity: 'terse',
		log_checkpoints: 'off',
		...(durability === 'fast' ? fast : {}),
	};
	return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
