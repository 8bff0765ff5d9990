import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { digestOfKey } from '../bridge/bridge-key.ts';
import { sortVariables } from '../config/bridge-snapshot.ts';
import { type ClientServer, kindOfType } from '../config/client-config.ts';
import { readTlsFiles } from '../config/tls-files.ts';
import type { ListenAt } from '../edge/listen.ts';
import { usageFault } from './command-error.ts';
import type { BridgeServers, BridgeSettings } from './serve-bridge.ts';

/** Options of `bridge` as they were given. */
export interface BridgeOptions {
	readonly host?: string;
	readonly port: number;
	readonly corsAllowOrigins?: readonly string[];
	readonly apiKey?: string;
	readonly apiKeyFile?: string;
	readonly strictAuth?: true;
	readonly env?: readonly string[];
	readonly envPath?: string;
	readonly serverType?: string;
	readonly config?: string;
	readonly name: string;
	readonly description: string;
	readonly version: string;
	readonly sslCertfile?: string;
	readonly sslKeyfile?: string;
	readonly rootPath: string;
	readonly pathPrefix: string;
	readonly header?: string;
	readonly headerFile?: string;
	readonly hotReload?: true;
	readonly logLevel?: string;
	readonly mcpoStrict?: true;
	readonly allowHost?: readonly string[];
	readonly adminPort?: number;
	readonly auditFile?: string;
}

type Given = { readonly options: BridgeOptions; readonly env: NodeJS.ProcessEnv };

/** The settings of a bridge: `operands` stood after `--`. Throws a usage fault that quotes no secret. */
export function readBridgeSettings(
	operands: readonly string[],
	options: BridgeOptions,
	env: NodeJS.ProcessEnv,
): BridgeSettings {
	const given = { options, env };
	const key = readKey(given);
	const origins = options.corsAllowOrigins ?? (key === undefined ? [] : ['*']);
	const headers = readHeaders(given);
	const servers = readServersOf(operands, options, headers.value);
	const level = readLevel(given);
	return {
		listen: readListen(options, key !== undefined),
		operator: options.adminPort === undefined ? undefined : { host: '127.0.0.1', port: options.adminPort },
		key: { digest: key === undefined ? undefined : digestOfKey(key), isStrict: options.strictAuth === true },
		names: {
			hasKey: key !== undefined,
			hosts: new Set((options.allowHost ?? []).map((host) => host.toLowerCase())),
			origins: new Set(origins.map((origin) => origin.toLowerCase().replace(/\/$/, ''))),
		},
		layout: {
			kind: servers.kind === 'one' ? 'single' : 'named',
			prefix: `/${options.pathPrefix}/`.replace(/\/{2,}/g, '/'),
			rootPath: options.rootPath.replace(/\/+$/, ''),
		},
		about: { title: options.name, description: options.description, version: options.version },
		servers,
		variables: readVariables(given),
		mcpo: options.mcpoStrict === true ? 'strict' : 'fixed',
		auditFile: options.auditFile,
		logLevel: level.value,
		warnings: [...openness(options, key !== undefined, origins), ...headers.warnings, ...level.warnings],
	};
}

function openness(options: BridgeOptions, hasKey: boolean, origins: readonly string[]): readonly string[] {
	if (hasKey) return [];
	const reach = isLoopbackHost(options.host) ? 'every program of this machine' : 'everybody who can reach it';
	return [
		`No key is set: ${reach} may call every tool. Set PORTCULLIS_BRIDGE_API_KEY, or use --api-key-file.`,
		...(options.strictAuth ? ['--strict-auth without a key protects nothing.'] : []),
		...(origins.includes('*')
			? ['--cors-allow-origins * without a key lets every page in a browser call every tool.']
			: []),
	];
}

const isLoopbackHost = (host = '127.0.0.1'): boolean => /^(?:localhost|127\.[\d.]+|::1)$/.test(host);

function readListen({ host, port, sslCertfile, sslKeyfile }: BridgeOptions, hasKey: boolean): ListenAt {
	const at = { host: host ?? (hasKey ? '0.0.0.0' : '127.0.0.1'), port };
	if (sslCertfile === undefined) {
		if (sslKeyfile !== undefined) throw usageFault('--ssl-keyfile needs --ssl-certfile.');
		return at;
	}
	// As uvicorn: a file may hold both.
	const tls = { certFile: sslCertfile, keyFile: sslKeyfile ?? sslCertfile, clientCaFile: undefined };
	const material = readTlsFiles(tls);
	if ('message' in material) throw usageFault(`${tls[material.file] ?? ''} ${material.message}.`);
	return { ...at, tls };
}

function readKey({ options, env }: Given): string | undefined {
	const text = options.apiKey ?? fileText(options.apiKeyFile)?.trim() ?? env['PORTCULLIS_BRIDGE_API_KEY'];
	if (options.apiKeyFile !== undefined && text === '') throw usageFault(`${options.apiKeyFile} holds no key.`);
	return text === '' ? undefined : text;
}

interface Read<Value> {
	readonly value: Value;
	readonly warnings: readonly string[];
}

// mcpo goes on without headers that it cannot read.
function readHeaders({ options, env }: Given): Read<Readonly<Record<string, string>>> {
	const text = options.header ?? fileText(options.headerFile) ?? env['PORTCULLIS_BRIDGE_HEADER'] ?? '{}';
	try {
		const value: unknown = JSON.parse(text);
		if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
			return {
				value: Object.fromEntries(Object.entries(value).map(([name, each]) => [name, String(each)])),
				warnings: [],
			};
		}
	} catch {}
	return { value: {}, warnings: ['Invalid JSON format for headers. Headers will be ignored.'] };
}

function readServersOf(
	operands: readonly string[],
	{ config, serverType, hotReload }: BridgeOptions,
	headers: Readonly<Record<string, string>>,
): BridgeServers {
	if (config !== undefined) {
		if (operands.length > 0) throw usageFault('Give either --config or a command after --.');
		return { kind: 'file', file: config, isFollowed: hotReload === true };
	}
	if (operands.length === 0) throw usageFault(NO_SERVER);
	return { kind: 'one', server: serverOf(operands, serverType, headers) };
}

const NO_SERVER =
	'Say what to serve: portcullis bridge --port 8000 -- your_mcp_command, or the address of a server after --, ' +
	'or --config <file>.';

function serverOf(
	operands: readonly string[],
	serverType: string | undefined,
	headers: Readonly<Record<string, string>>,
): ClientServer {
	const [first = '', ...rest] = operands;
	const isAddress = /^https?:\/\//i.test(first);
	const type = serverType ?? (isAddress ? typeAfter(rest) : 'stdio');
	const kind = kindOfType(type);
	const any = { name: 'server', disabledTools: [], notes: [] };
	if (kind === undefined) throw usageFault(`Unsupported server type: ${type}`);
	if (kind === 'stdio') {
		return { ...any, endpoint: { kind, command: first, args: rest, env: {}, cwd: undefined } };
	}
	if (!isAddress) throw usageFault(`A server of type ${type} needs its address after --.`);
	return { ...any, endpoint: { kind, url: first, headers } };
}

// Behind an address nothing else can be meant.
function typeAfter([flag, type, ...more]: readonly string[]): string {
	if (flag === undefined) return 'streamable-http';
	const [name, value = type] = flag.split('=', 2);
	const isType = name === '--type' || name === '--server-type';
	if (isType && value !== undefined && more.length === 0) return value;
	throw usageFault('After the address of a server there can be nothing but --type.');
}

function readVariables({ options, env }: Given): BridgeSettings['variables'] {
	const { secret, plain } = sortVariables(env);
	const given = (options.env ?? []).map((text): [string, string] => {
		const equals = text.indexOf('=');
		if (equals < 1) throw usageFault('--env wants name=value.');
		return [text.slice(0, equals), text.slice(equals + 1)];
	});
	// What is in the environment already stays, as python-dotenv has it.
	const file = Object.entries(parseEnv(fileText(options.envPath) ?? '')).filter(([name]) => env[name] === undefined);
	const added = Object.fromEntries([...file.map(([name, value]): [string, string] => [name, value ?? '']), ...given]);
	return { secret: { ...secret, ...added }, plain };
}

function fileText(file: string | undefined): string | undefined {
	if (file === undefined) return undefined;
	try {
		return readFileSync(file, 'utf8');
	} catch (error) {
		throw usageFault(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
	}
}

const LEVELS: ReadonlyMap<string, string> = new Map([
	['DEBUG', 'debug'],
	['INFO', 'info'],
	['WARNING', 'warn'],
	['WARN', 'warn'],
	['ERROR', 'error'],
	['CRITICAL', 'fatal'],
]);

function readLevel({ options, env }: Given): Read<string> {
	const level = LEVELS.get((options.logLevel ?? env['LOG_LEVEL'] ?? 'INFO').toUpperCase());
	if (level !== undefined) return { value: level, warnings: [] };
	return { value: 'info', warnings: ['Invalid log level, defaulting to INFO.'] };
}
