import { allowFault } from '../lib/egress/allow-list.ts';
import { networkFault } from '../lib/networks.ts';
import { createSecret, type Secret } from '../lib/secret.ts';

/** One process setting. The default goes through the same parser as what the operator writes. */
export interface Setting<T> {
	readonly name: `PORTCULLIS_${string}` | `DATABASE_${string}` | `REDIS_${string}`;
	/** `undefined` refuses the text. */
	readonly parse: (text: string) => T | undefined;
	/** What the parser takes, to finish the sentence "NAME must be …". */
	readonly expected: string;
	readonly default: string;
	readonly meaning: string;
}

/** How much the gateway logs, most silent first. */
export type LogLevel = (typeof LOG_LEVELS)[number];

const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

const HOST = { parse: parseHost, expected: 'an IP address or a host name' };
const PORT = { parse: parsePort, expected: 'a whole number from 0 to 65535' };
const PATH = { parse: parsePath, expected: 'a path' };
const DATABASE = { parse: parseDatabaseUrl, expected: 'an address that starts with postgres://', default: '' };
const AMOUNT = { parse: parseAmount, expected: 'a whole number above 0' };

/** Every process setting. `docs/config.md` and `.env.example` are tested against it. */
export const SETTINGS = {
	host: {
		...HOST,
		name: 'PORTCULLIS_HOST',
		default: '127.0.0.1',
		meaning: 'Address the gateway listens on for callers. Put a TLS proxy in front before you open it to others.',
	},
	port: { ...PORT, name: 'PORTCULLIS_PORT', default: '8080', meaning: 'Port for callers; 0 takes any free one.' },
	adminHost: {
		...HOST,
		name: 'PORTCULLIS_ADMIN_HOST',
		default: '127.0.0.1',
		meaning: 'Address of the second listener: health, readiness and metrics. It asks nobody to sign in.',
	},
	adminPort: {
		...PORT,
		name: 'PORTCULLIS_ADMIN_PORT',
		default: '9090',
		meaning: 'Port of the second listener; 0 takes any free one.',
	},
	trustedProxies: {
		name: 'PORTCULLIS_TRUSTED_PROXIES',
		parse: parseNetworks,
		expected: 'networks such as 10.0.0.0/8, with commas between them',
		default: '',
		meaning: 'Networks of the proxies in front whose `X-Forwarded-For` says where a caller is; commas between them.',
	},
	listenersFile: {
		name: 'PORTCULLIS_LISTENERS',
		parse: (text) => (text === '' ? '' : parsePath(text)),
		expected: 'a path',
		default: '',
		meaning: 'A file with further listeners for callers, and how an edge in front of each proves itself. Empty: none.',
	},
	secretStoresFile: {
		name: 'PORTCULLIS_SECRET_STORES',
		parse: (text) => (text === '' ? '' : parsePath(text)),
		expected: 'a path',
		default: '',
		meaning: 'A file with the external stores of secrets: Vault, OpenBao, Azure Key Vault. Empty: none.',
	},
	configFile: {
		...PATH,
		name: 'PORTCULLIS_CONFIG',
		default: 'portcullis.yaml',
		meaning: 'The configuration file, relative to the folder the gateway is started in.',
	},
	dataFolder: {
		...PATH,
		name: 'PORTCULLIS_DATA',
		default: '.portcullis',
		meaning: 'Folder for what the gateway writes, the audit trail among it.',
	},
	runtimeFolder: {
		name: 'PORTCULLIS_RUNTIME',
		parse: (text) => (text === '' ? '' : parsePath(text)),
		expected: 'a path',
		default: '',
		meaning:
			'Folder of the programs that `portcullis runtime install` installs. Empty: `runtime` in `PORTCULLIS_DATA`.',
	},
	filesFolder: {
		name: 'PORTCULLIS_FILES',
		parse: (text) => (text === '' ? '' : parsePath(text)),
		expected: 'a path',
		default: '',
		meaning:
			'Folder in which each workspace has a folder, named by its id, that its administrators may give to servers that work on files. Empty: only the operator names paths.',
	},
	logLevel: {
		name: 'PORTCULLIS_LOG_LEVEL',
		parse: (text) => LOG_LEVELS.find((level) => level === text.toLowerCase()),
		expected: `one of ${LOG_LEVELS.join(', ')}`,
		default: 'info',
		meaning: `How much is logged: ${LOG_LEVELS.join(', ')}.`,
	} satisfies Setting<LogLevel>,
	databaseUrl: {
		...DATABASE,
		name: 'DATABASE_URL',
		meaning: 'PostgreSQL 15 or newer, as a login of `portcullis_app`. Empty: the gateway runs a database of its own.',
	},
	databasePlatformUrl: {
		...DATABASE,
		name: 'DATABASE_PLATFORM_URL',
		meaning: 'The same database as a login of `portcullis_platform`; needed beside `DATABASE_URL`.',
	},
	databaseMigratorUrl: {
		...DATABASE,
		name: 'DATABASE_MIGRATOR_URL',
		meaning:
			'The same database as its owner, for `portcullis migrate`. Given to a gateway, it migrates when it starts.',
	},
	databaseListenUrl: {
		...DATABASE,
		name: 'DATABASE_LISTEN_URL',
		meaning:
			'A direct way for LISTEN where `DATABASE_URL` goes through a transaction pooler. Without it changes are seen within a second.',
	},
	keyFile: {
		name: 'PORTCULLIS_KEY_FILE',
		parse: (text) => (text === '' ? '' : parsePath(text)),
		expected: 'a path',
		default: '',
		meaning:
			'File with the keys that secrets are kept with. Empty: with a database of its own, a gateway makes `credential-keys` in the data folder.',
	},
	keys: {
		name: 'PORTCULLIS_KEYS',
		parse: parseKeys,
		expected: 'id:key entries with commas between them',
		default: '',
		meaning: 'Secret. The same keys in the environment: `id:key`, commas between them, the one that seals first.',
	},
	staleMs: {
		...AMOUNT,
		name: 'PORTCULLIS_STALE_MS',
		default: '3600000',
		meaning: 'How long the last known configuration is served while the database is gone, milliseconds.',
	},
	jwksStaleMs: {
		...AMOUNT,
		name: 'PORTCULLIS_JWKS_STALE_MS',
		default: '86400000',
		meaning: 'How long the last known keys of a directory are trusted while it gives no others, milliseconds.',
	},
	spoolBytes: {
		...AMOUNT,
		name: 'PORTCULLIS_SPOOL_BYTES',
		default: '1073741824',
		meaning: 'How many bytes of audit records may wait for the database before calls are refused.',
	},
	redisUrl: {
		name: 'REDIS_URL',
		parse: parseRedisUrl,
		expected: 'an address that starts with redis:// or rediss://',
		default: '',
		meaning: 'Redis that keeps the limits of calls, password and all; `rediss://` for TLS. Empty: the database does.',
	},
	limitsWithoutStore: {
		name: 'PORTCULLIS_LIMITS_WITHOUT_STORE',
		parse: parseWithoutStore,
		expected: 'refuse or share',
		default: 'refuse',
		meaning:
			'While limits cannot be asked for: `refuse` calls that are limited, or `share` each limit among `PORTCULLIS_PROCESSES`.',
	},
	processes: {
		...AMOUNT,
		name: 'PORTCULLIS_PROCESSES',
		default: '1',
		meaning: 'How many processes of the gateway there are, for `PORTCULLIS_LIMITS_WITHOUT_STORE`.',
	},
	failedAuthPerMinute: {
		...AMOUNT,
		name: 'PORTCULLIS_FAILED_AUTH_PER_MINUTE',
		default: '300',
		meaning: 'How many sign-ins from one network address (IPv6: /64) may fail in a minute, in one process.',
	},
	egressAllow: {
		name: 'PORTCULLIS_EGRESS_ALLOW',
		parse: parseAllowed,
		expected: 'hosts, host:port or networks, with commas between them',
		default: '',
		meaning:
			'Hosts, host:port and networks that others may name although they are not public or not https; commas between them.',
	},
	gatewayUrl: {
		name: 'PORTCULLIS_URL',
		parse: parseGatewayUrl,
		expected: 'an https address, or http to this machine, without a path',
		default: '',
		meaning: 'The gateway that the command line asks. Empty: the one of the data folder, or its database.',
	},
	token: {
		name: 'PORTCULLIS_TOKEN',
		parse: parseToken,
		expected: 'an access token, without spaces',
		default: '',
		meaning: 'Secret. The access token the command line signs in with at a gateway.',
	},
} as const satisfies Record<string, Setting<unknown>>;

type Settings = typeof SETTINGS;

/** The process settings, parsed and frozen. */
export type Environment = {
	readonly [K in keyof Settings]: NonNullable<ReturnType<Settings[K]['parse']>>;
} & {
	/** `PORTCULLIS_` variables that are no settings: worth a warning, for a secret of the file may be kept in one. */
	readonly unknown: readonly string[];
};

/** All settings that cannot be used, by name and never by value; the message has one line for each. */
export class EnvironmentFaults extends Error {
	override readonly name = 'EnvironmentFaults';
	readonly code = 'PC_ENVIRONMENT_INVALID';
	readonly faults: readonly { readonly name: string; readonly message: string }[];

	constructor(faulty: readonly Setting<unknown>[]) {
		const faults = faulty.map(({ name, expected }) => ({ name, message: `must be ${expected}` }));
		super(faults.map(({ name, message }) => `${name} ${message}`).join('\n'));
		this.faults = Object.freeze(faults);
	}
}

/** The process settings; empty variables count as absent. Throws `EnvironmentFaults`. */
export function parseEnvironment(env: NodeJS.ProcessEnv): Environment {
	const parsed = Object.entries(SETTINGS).map(([key, setting]: [string, Setting<unknown>]) => {
		return { key, setting, value: setting.parse(env[setting.name] || setting.default) };
	});
	const faulty = parsed.filter(({ value }) => value === undefined);
	if (faulty.length > 0) throw new EnvironmentFaults(faulty.map(({ setting }) => setting));
	return Object.freeze({
		...Object.fromEntries(parsed.map(({ key, value }) => [key, value])),
		unknown: Object.freeze(unknownNames(env)),
	}) as Environment;
}

function unknownNames(env: NodeJS.ProcessEnv): string[] {
	const known = new Set<string>(Object.values(SETTINGS).map(({ name }) => name));
	return Object.keys(env)
		.filter((name) => name.startsWith('PORTCULLIS_') && !known.has(name))
		.sort();
}

function parseHost(text: string): string | undefined {
	return /^[A-Za-z0-9.:_-]{1,253}$/.test(text) ? text : undefined;
}

function parsePort(text: string): number | undefined {
	return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined;
}

function parseDatabaseUrl(text: string): string | undefined {
	return text === '' || /^postgres(ql)?:\/\/./.test(text) ? text : undefined;
}

function parseRedisUrl(text: string): string | undefined {
	return text === '' || (/^rediss?:\/\/./.test(text) && URL.canParse(text)) ? text : undefined;
}

function parseWithoutStore(text: string): 'refuse' | 'share' | undefined {
	return text === 'refuse' || text === 'share' ? text : undefined;
}

function parseAmount(text: string): number | undefined {
	return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** A token goes there: in the clear to nobody but this machine. */
function parseGatewayUrl(text: string): string | undefined {
	if (text === '') return '';
	const url = URL.canParse(text) ? new URL(text) : undefined;
	if (url === undefined || url.href !== `${url.origin}/`) return undefined;
	const isSafe = url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.includes(url.hostname));
	return isSafe ? url.origin : undefined;
}

/** None or one: a secret is no text, so that nothing prints it. */
function parseToken(text: string): readonly Secret[] | undefined {
	if (text === '') return [];
	return /^[\x21-\x7e]{1,16384}$/.test(text) ? [createSecret(text)] : undefined;
}

/** None or one text; what is in it is judged where it is used. */
function parseKeys(text: string): readonly Secret[] | undefined {
	if (text === '') return [];
	return text.includes(':') ? [createSecret(text)] : undefined;
}

function parseNetworks(text: string): readonly string[] | undefined {
	const networks = text.split(',').map((network) => network.trim());
	if (text.trim() === '') return [];
	return networks.every((network) => networkFault(network) === undefined) ? networks : undefined;
}

function parseAllowed(text: string): readonly string[] | undefined {
	const entries = text.split(',').map((entry) => entry.trim());
	if (text.trim() === '') return [];
	return entries.every((entry) => allowFault(entry) === undefined) ? entries : undefined;
}

function parsePath(text: string): string | undefined {
	return text.trim() === '' || text.includes('\0') ? undefined : text;
}

const CHILD_VARIABLES = ['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR'] as const;

/** The only variables of our own environment that a stdio child inherits: none of them can hold a secret of ours. */
export function childVariables(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
	const found = CHILD_VARIABLES.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
	return Object.freeze(Object.fromEntries(found));
}

/** What npm, uvx and container runners take from the environment besides: where they go, through what, and whom they trust. */
const RUNNER_VARIABLE =
	/^(?:LC_[A-Z]+|https?_proxy|no_proxy|all_proxy|npm_config_.+|uv_.+|docker_.+|container_.+|node_extra_ca_certs|ssl_cert_(?:file|dir)|xdg_.+|userprofile|appdata|localappdata|systemroot|pathext)$/i;

/** The variables that programs are installed with, and runners are found by; no setting of ours is among them. */
export function runnerVariables(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
	const more = Object.entries(env).filter(([name]) => RUNNER_VARIABLE.test(name)) as [string, string][];
	return Object.freeze({ ...childVariables(env), ...Object.fromEntries(more) });
}
