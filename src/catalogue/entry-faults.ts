import type { Endpoint } from './endpoint-schema.ts';
import type { CatalogueEntry } from './entry-schema.ts';
import { isMalformed, namesIn } from './template.ts';

/** What is wrong with entries that each follow the schema, as sentences that begin with the place. None of it needs the network. */
export function catalogueFaults(entries: readonly CatalogueEntry[]): readonly string[] {
	return [...uniqueFaults(entries), ...entries.flatMap((entry) => entryFaults(entry, entries))];
}

function entryFaults(entry: CatalogueEntry, all: readonly CatalogueEntry[]): readonly string[] {
	const faults = [
		...linksOf(entry).flatMap((link) => linkFaults(link)),
		...repeated(entry.endpoints.map(({ key }) => key)).map((key) => `has the key ${key} twice`),
		...entry.endpoints.flatMap((endpoint) =>
			endpointFaults(endpoint, entry, all).map((fault) => `${endpoint.key}: ${fault}`),
		),
	];
	return faults.map((fault) => `${entry.id}: ${fault}`);
}

/** Every name leads to one service: ids, aliases, addresses and packages. */
function uniqueFaults(entries: readonly CatalogueEntry[]): readonly string[] {
	const names = entries.flatMap(({ id, aliases = [] }) => [id, ...aliases.map(({ name }) => name.toLowerCase())]);
	return repeated(names).map((name) => `${name} names more than one thing`);
}

function endpointFaults(endpoint: Endpoint, entry: CatalogueEntry, all: readonly CatalogueEntry[]): readonly string[] {
	return [
		...nameFaults(endpoint),
		...placeFaults(endpoint),
		...successorFaults(endpoint, entry, all),
		...clientFaults(endpoint),
		...(endpoint.transport === 'stdio' ? packageFaults(endpoint) : addressFaults(endpoint.url)),
	];
}

/** Every name in a template is declared, and everything declared is used. */
function nameFaults(endpoint: Endpoint): readonly string[] {
	const open = openTemplates(endpoint);
	const variables = (endpoint.variables ?? []).map(({ name }) => name);
	const inSignIns = endpoint.signIn.flatMap(signInTemplates);
	const used = namesIn([...open, ...inSignIns]).variables;
	return [
		...[...open, ...inSignIns].filter(isMalformed).map((template) => `${template} is no template`),
		...difference(used, variables).map((name) => `{${name}} is not declared`),
		...difference(variables, used).map((name) => `variable ${name} is not used`),
		...repeated(variables).map((name) => `variable ${name} is declared twice`),
		...endpoint.signIn.flatMap((signIn) => secretNameFaults(endpoint, signIn)),
	];
}

function secretNameFaults(endpoint: Endpoint, signIn: Endpoint['signIn'][number]): readonly string[] {
	const declared = (signIn.secrets ?? []).map(({ name }) => name);
	const args = endpoint.transport === 'stdio' ? endpoint.args : [];
	const used = namesIn([...signInTemplates(signIn), ...args]).secrets;
	return [
		...difference(used, declared).map((name) => `\${secret:${name}} is not declared`),
		...difference(declared, used).map((name) => `secret ${name} is not used`),
		...repeated(declared).map((name) => `secret ${name} is declared twice`),
	];
}

/** Secrets stand where nobody else sees them, and where no secret stands there is none in plain text. */
function placeFaults(endpoint: Endpoint): readonly string[] {
	const misplaced = namesIn(openTemplates(endpoint, 'without-args')).secrets;
	const inArgs = endpoint.transport === 'stdio' ? namesIn(endpoint.args).secrets : [];
	const indirect = endpoint.transport === 'stdio' ? (endpoint.indirection?.secrets ?? []) : [];
	const hasQuery = endpoint.signIn.some(({ query }) => query !== undefined);
	const says = (kind: string): boolean => endpoint.problems?.some((problem) => problem.kind === kind) === true;
	return [
		...misplaced.map((name) => `\${secret:${name}} stands outside of a sign-in`),
		...difference(inArgs, indirect).map((name) => `\${secret:${name}} is in an argument and has no indirection`),
		...difference(indirect, inArgs).map((name) => `indirection of ${name}, which no argument has`),
		...(hasQuery && !says('secret-in-address') ? ['has a secret in its address and does not say so'] : []),
		...plainSecretFaults(endpoint),
	];
}

const SECRET_NAME = /token|secret|password|passwd|api[-_]?key|authorization|credential(?!s)/i;

/** Headers and variables that carry secrets by their name hold a reference, and none has a default. */
function plainSecretFaults(endpoint: Endpoint): readonly string[] {
	const open = endpoint.transport === 'stdio' ? endpoint.env : endpoint.headers;
	const inSignIns = endpoint.signIn.flatMap(({ headers, env, query }) =>
		[headers, env, query].flatMap((each) => Object.entries(each ?? {})),
	);
	const plain = [
		...Object.keys(open ?? {}).filter((name) => SECRET_NAME.test(name) && !PATH_NAME.test(name)),
		...inSignIns.filter(([, template]) => namesIn([template]).secrets.length === 0).map(([name]) => name),
	];
	const defaults = (endpoint.variables ?? []).filter(
		({ name, default: value }) => value !== undefined && SECRET_NAME.test(name),
	);
	return [
		...plain.map((name) => `${name} is a secret by its name, but holds none`),
		...defaults.map(({ name }) => `variable ${name} is a secret by its name and has a default`),
	];
}

const PATH_NAME = /_PATH$|_CREDENTIALS$|_DIR$/;

const RANGE = /^[\^~>=<*]|latest|next|\bx\b|\s|\|/;
const EXACT = /^\d+(\.\d+)+([-+.][0-9A-Za-z.-]+)?$/;

function packageFaults(endpoint: Extract<Endpoint, { transport: 'stdio' }>): readonly string[] {
	const { runtime, package: name, version, program, args, installScripts, minNode, declaresNode } = endpoint;
	const deserves = runtime === 'npm' || runtime === 'uvx';
	const gone = endpoint.deprecated !== undefined && endpoint.run === undefined && version === undefined;
	return [
		...(runtime === 'binary' && program === undefined ? ['names no program'] : []),
		...(runtime !== 'binary' && name === undefined ? ['names no package'] : []),
		...(deserves && version === undefined && !gone ? [`${name} has no version`] : []),
		...(version !== undefined && (RANGE.test(version) || !EXACT.test(version))
			? [`${version} is not one version`]
			: []),
		...args.filter((argument) => /@latest\b/.test(argument)).map((argument) => `${argument} is not one version`),
		...(runtime !== 'npm' && (installScripts ?? minNode ?? declaresNode) !== undefined
			? ['says something that only npm knows']
			: []),
	];
}

function successorFaults(
	{ deprecated }: Endpoint,
	entry: CatalogueEntry,
	all: readonly CatalogueEntry[],
): readonly string[] {
	const use = deprecated?.use;
	if (use === undefined) return [];
	const next = entry.endpoints.find(({ key }) => key === use);
	if (next?.deprecated !== undefined) return [`leads to ${use}, which is deprecated too`];
	return next !== undefined || all.some(({ id }) => id === use) ? [] : [`leads to ${use}, which there is not`];
}

function clientFaults({ signIn, transport, deprecated }: Endpoint): readonly string[] {
	const nameless = signIn.some(({ kind, client }) => kind === 'oauth2-preregistered' && client === undefined);
	const misplaced = signIn.some(({ headers, query, env }) =>
		transport === 'stdio' ? (headers ?? query) !== undefined : env !== undefined,
	);
	return [
		...(nameless && deprecated === undefined ? ['does not say how to get an OAuth client'] : []),
		...(misplaced ? ['has a sign-in for another transport'] : []),
	];
}

/** The address of an endpoint, with its variables, by its shape alone. */
function addressFaults(url: string): readonly string[] {
	const plain = url.replace(/\{[a-z0-9_]+\}/g, 'x1');
	const isLocal = /^http:\/\/(localhost|127\.0\.0\.1)[:/]/.test(url);
	return isLocal ? [] : linkFaults(plain.replace(':x1', ':1'));
}

const SECRET_PARAMETER = /[?&#][^=&]*(key|token|secret|password|auth|sig)[^=&]*=/i;

/** What is wrong with an address, by its shape: https, a public name, nobody's name, password or key. */
function linkFaults(link: string): readonly string[] {
	const url = URL.canParse(link) ? new URL(link) : undefined;
	if (url === undefined) return [`${link} is no address`];
	return [
		...(url.protocol === 'https:' ? [] : [`${link} is not https`]),
		...(url.username + url.password === '' ? [] : [`${url.origin} has a name or a password in it`]),
		...(url.hostname.includes('.') || url.hostname === 'x1' ? [] : [`${link} has no public host`]),
		...(SECRET_PARAMETER.test(link) ? [`${url.origin} has a secret in its query`] : []),
	];
}

function linksOf(entry: CatalogueEntry): readonly string[] {
	const ofSignIns = entry.endpoints.flatMap(({ signIn, ownClient }) => [
		ownClient?.link,
		...signIn.flatMap(({ client, secrets = [] }) => [client?.link, ...secrets.map(({ link }) => link)]),
	]);
	const aliases = (entry.aliases ?? []).map(({ name }) => name).filter((name) => /^https?:/.test(name));
	const plain = aliases.map((alias) => alias.replace(/\{[a-z0-9_]+\}/g, 'x1'));
	return [entry.docs, ...ofSignIns, ...plain].filter((link) => link !== undefined);
}

function openTemplates(endpoint: Endpoint, args: 'with-args' | 'without-args' = 'with-args'): readonly string[] {
	if (endpoint.transport !== 'stdio') return [endpoint.url, ...Object.values(endpoint.headers ?? {})];
	return [...(args === 'with-args' ? endpoint.args : []), ...Object.values(endpoint.env ?? {})];
}

function signInTemplates({ headers, query, env }: Endpoint['signIn'][number]): readonly string[] {
	return [headers, query, env].flatMap((each) => Object.values(each ?? {}));
}

function repeated(names: readonly string[]): readonly string[] {
	return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function difference(names: readonly string[], others: readonly string[]): readonly string[] {
	return names.filter((name) => !others.includes(name));
}
