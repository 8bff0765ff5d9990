import { isAbsolute, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Declared, DeclaredServer, JsonObject } from '../config/declared.ts';
import { declaredOf } from '../config/declared-file.ts';
import { createFileSchema } from '../config/file-schema.ts';
import { HIDDEN } from '../config/print-config.ts';
import { readEntry } from '../config/read-entry.ts';
import { type Path, pathText } from '../config/read-yaml.ts';
import { createLenientLookup, mapFilePaths } from '../config/secret-template.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { sendsSecretElsewhere, withFileNamed } from './directory-secrets.ts';
import { hideSecrets } from './endpoint-secrets.ts';
import { type InputFault, inputInvalid } from './input-invalid.ts';
import { isForOperator } from './is-for-operator.ts';
import { isKept, NOT_KEPT } from './plain-text.ts';

/** A server and where it stands. */
interface Placed {
	readonly workspace: string;
	readonly slug: string;
	readonly server: DeclaredServer;
}

/** What a configuration declares, by the rules and in the sentences of the file. Throws PC_INPUT_INVALID. */
export function readWanted(config: JsonObject): Declared {
	const unkept = unkeptTexts(config, []);
	const reading = unkept.length > 0 ? { faults: unkept } : readEntry(createFileSchema(createLenientLookup()), config);
	if ('faults' in reading) throw inputInvalid(reading.faults.map(inBody));
	return declaredOf(config);
}

function inBody({ path, message }: InputFault): InputFault {
	return { path: path === '' ? 'body.config' : `body.config.${path}`, message };
}

// The rules of the file leave it to the store what a text may hold.
function unkeptTexts(value: unknown, path: Path): readonly InputFault[] {
	if (typeof value === 'string') return isKept(value) ? [] : [{ path: pathText(path), message: NOT_KEPT }];
	if (typeof value !== 'object' || value === null) return [];
	if (Array.isArray(value)) return value.flatMap((item, index) => unkeptTexts(item, [...path, index]));
	return Object.entries(value).flatMap(([name, held]) =>
		isKept(name) ? unkeptTexts(held, [...path, name]) : [{ path: pathText(path), message: NOT_KEPT }],
	);
}

/** What is declared, to be shown: values written out under a name that looks secret are hidden. */
export function hidden(declared: Declared): Declared {
	return mapServers(declared, ({ server }) => ({ ...server, endpoint: hideSecrets(server.endpoint) }));
}

/**
 * What is wanted, with servers that are reached exactly as they were shown (`hidden`) reached as they are. Anything else
 * that was hidden cannot be known: a secret does not go to another address unseen. Throws PC_INPUT_INVALID.
 */
export function unhidden(wanted: Declared, stored: Declared): Declared {
	const faults: InputFault[] = [];
	const known = mapServers(wanted, (placed) => {
		const { server } = placed;
		const before = storedAt(stored, placed);
		const isShown =
			before?.transport === server.transport && isDeepStrictEqual(hideSecrets(before.endpoint), server.endpoint);
		if (isShown) return { ...server, endpoint: before.endpoint };
		if (holdsHidden(server.endpoint)) faults.push({ path: pathOf(placed), message: 'write out what is hidden in it' });
		return server;
	});
	if (faults.length > 0) throw inputInvalid(faults);
	return known;
}

function holdsHidden({ url, headers, env }: JsonObject): boolean {
	const values = [headers, env].flatMap((named) => Object.values((named ?? {}) as object));
	const asked = typeof url === 'string' && URL.canParse(url) ? [...new URL(url).searchParams.values()] : [];
	return [...values, ...asked].includes(HIDDEN);
}

/** Throws PC_OPERATOR_ONLY, naming the servers that only the operator may set so. */
export function requireNothingOfOperator(wanted: Declared, stored: Declared): void {
	const faults: InputFault[] = [];
	mapServers(wanted, (placed) => {
		const isForbidden = isForOperator(placed.server, storedAt(stored, placed));
		if (isForbidden) faults.push({ path: pathOf(placed), message: 'is for the operator to set' });
		return placed.server;
	});
	if (!isDeepStrictEqual(openWebUiIn(wanted), openWebUiIn(stored))) {
		faults.push({ path: 'body.config.openWebUi', message: 'is for the operator to set' });
	}
	for (const [id, after] of Object.entries(wanted.platform.directories)) {
		const { directories } = stored.platform;
		const before = Object.hasOwn(directories, id) ? directories[id] : undefined;
		if (!sendsSecretElsewhere({ before, after })) continue;
		faults.push({ path: `body.config.directories.${id}`, message: 'is for the operator to set' });
	}
	if (faults.length > 0) throw new PortcullisError('PC_OPERATOR_ONLY', { data: { errors: faults.slice(0, 50) } });
}

const openWebUiIn = ({ platform }: Declared): unknown => platform.settings['openWebUi'] ?? {};

/** The same with all secret files named from the root, so that they are found wherever the gateway runs. */
export function withAbsoluteFiles(wanted: Declared, folder: string): Declared {
	const pathFrom = (path: string): string => (isAbsolute(path) ? path : resolve(folder, path));
	const named = (values: unknown): object =>
		Object.fromEntries(
			Object.entries(values as Readonly<Record<string, string>>).map(([name, text]) => {
				return [name, mapFilePaths(text, pathFrom)];
			}),
		);
	const instances = Object.entries(openWebUiIn(wanted) as Record<string, { readonly secret: string }>).map(
		([id, { secret, ...rest }]) => [id, { ...rest, secret: mapFilePaths(secret, pathFrom) }],
	);
	const settings = {
		...wanted.platform.settings,
		...(instances.length > 0 && { openWebUi: Object.fromEntries(instances) }),
	};
	const directories = Object.entries(wanted.platform.directories).map(([id, directory]) => {
		return [id, withFileNamed(directory, pathFrom)] as const;
	});
	const platform = { ...wanted.platform, settings, directories: Object.fromEntries(directories) };
	return mapServers({ ...wanted, platform }, ({ server }) => {
		const { headers, env } = server.endpoint;
		const endpoint = {
			...server.endpoint,
			...(headers !== undefined && { headers: named(headers) }),
			...(env !== undefined && { env: named(env) }),
		};
		return { ...server, endpoint };
	});
}

function storedAt({ workspaces }: Declared, { workspace, slug }: Placed): DeclaredServer | undefined {
	const servers = Object.hasOwn(workspaces, workspace) ? workspaces[workspace]?.servers : undefined;
	return servers !== undefined && Object.hasOwn(servers, slug) ? servers[slug] : undefined;
}

function pathOf({ workspace, slug }: Placed): string {
	return `body.config.${pathText(['workspaces', workspace, 'servers', slug])}`;
}

function mapServers(declared: Declared, fn: (placed: Placed) => DeclaredServer): Declared {
	const workspaces = Object.entries(declared.workspaces).map(([workspace, held]) => {
		const servers = Object.entries(held.servers).map(([slug, server]) => [slug, fn({ workspace, slug, server })]);
		return [workspace, { ...held, servers: Object.fromEntries(servers) }];
	});
	return { ...declared, workspaces: Object.fromEntries(workspaces) };
}
