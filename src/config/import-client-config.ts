import { isSlug } from '../lib/slug.ts';
import type { ClientEndpoint, ClientServer } from './client-config.ts';
import type { JsonObject } from './declared.ts';
import { escapePlainText } from './secret-template.ts';

/** A server of a client as the configuration file has it. */
export interface ImportedServer {
	readonly slug: string;
	/** A server as the file writes it; a secret is a reference. */
	readonly entry: JsonObject;
	readonly secrets: readonly ImportedSecret[];
	/** What is otherwise than before, or could not be carried over, and why; a sentence each, never with a secret. */
	readonly notes: readonly string[];
}

/** A secret that has to be put where its reference looks for it. */
export interface ImportedSecret {
	/** `GITHUB_GITHUB_TOKEN`: server and member. */
	readonly name: string;
	readonly value: string;
}

/** Writes a reference to a secret of this name: `${env:NAME}`, or `${file:…}` where secrets go to files. */
export type ReferTo = (name: string) => string;

/**
 * The servers as ours. Values of variables and headers that may be secrets become references. What may be one in an
 * argument or an address is named: there everybody can read it.
 */
export function importServers(servers: readonly ClientServer[], referTo: ReferTo): readonly ImportedServer[] {
	const slugs = slugsOf(servers);
	return servers.map((server, index) => {
		const slug = slugs[index] as string;
		const secrets: ImportedSecret[] = [];
		const keep: Keep = (member, value) => {
			const name = `${slug}_${member}`.toUpperCase().replace(/[^A-Z0-9]+/g, '_');
			secrets.push({ name, value });
			return referTo(name);
		};
		const renamed = slug === server.name ? [] : [`It is called ${slug} here: names are part of addresses.`];
		return {
			slug,
			secrets,
			entry: {
				...(slug !== server.name && { title: escapePlainText(server.name) }),
				...endpointEntry(server.endpoint, keep),
				...toolsEntry(server.disabledTools),
			},
			notes: [...renamed, ...server.notes, ...exposedSecrets(server.endpoint)],
		};
	});
}

type Keep = (member: string, value: string) => string;

const LONGEST_SLUG = 63;

/** Slugs of servers, in their order: each as near to its name as it can be, no two the same. */
export function slugsOf(servers: readonly Pick<ClientServer, 'name'>[]): readonly string[] {
	const taken = new Set<string>();
	return servers.map(({ name }) => {
		const slug = slugOf(name, taken);
		taken.add(slug);
		return slug;
	});
}

function slugOf(name: string, taken: ReadonlySet<string>): string {
	const plain = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
	const base = plain
		.replace(/^-+/, '')
		.slice(0, LONGEST_SLUG - 4)
		.replace(/-+$/, '');
	const free = isSlug(base) ? base : 'server';
	let slug = free;
	for (let count = 2; taken.has(slug); count++) slug = `${free}-${count}`;
	return slug;
}

function endpointEntry(endpoint: ClientEndpoint, keep: Keep): JsonObject {
	if (endpoint.kind === 'stdio') {
		const { command, args, env, cwd } = endpoint;
		return {
			...{ transport: 'stdio', command: escapePlainText(command), args: args.map(escapePlainText) },
			...(cwd !== undefined && { cwd: escapePlainText(cwd) }),
			...(Object.keys(env).length > 0 && {
				env: withReferences(env, seemsSecret, keep),
			}),
		};
	}
	const { kind, url, headers } = endpoint;
	return {
		...{ transport: kind, url: escapePlainText(url) },
		...(isPlainHttp(url) && { allowPlainHttp: true }),
		...(Object.keys(headers).length > 0 && { headers: withReferences(headers, () => true, keep) }),
	};
}

// Most headers of a server are there to carry a secret; that one is none is for people to say.
type IsSecret = (name: string, value: string) => boolean;

function withReferences(values: Readonly<Record<string, string>>, isSecret: IsSecret, keep: Keep) {
	return Object.fromEntries(
		Object.entries(values).map(([name, value]) => {
			const [scheme, rest] = /^(Bearer|Basic|Token) (.+)$/.exec(value)?.slice(1) ?? [];
			if (value === '' || !isSecret(name, value)) return [name, escapePlainText(value)];
			return [name, scheme !== undefined && rest !== undefined ? `${scheme} ${keep(name, rest)}` : keep(name, value)];
		}),
	);
}

function toolsEntry(disabled: readonly string[]): JsonObject {
	if (disabled.length === 0) return {};
	return { tools: { rules: Object.fromEntries(disabled.map((tool) => [tool, { enabled: false }])) } };
}

const SECRET_WORD =
	/key|token|secret|passw|pwd|auth|credential|cookie|session|dsn|connection|private|(?:^|_)pat(?:$|_)|bearer|jwt|webhook/i;
const isSecretName = (name: string): boolean => SECRET_WORD.test(name) || /url$/i.test(name);

/** As keys look: long, without spaces, letters and digits among each other; or an address with a password in it. */
const KEY_LIKE = /^(?=.*[A-Za-z])(?=.*\d)[\w.~+/=-]{20,}$/;
const hasPassword = (text: string): boolean => URL.canParse(text) && new URL(text).password !== '';

/** Whether a variable seems to hold a secret, by its name or its look. */
export function seemsSecret(name: string, value: string): boolean {
	return isSecretName(name) || isSecretValue(value);
}

const isSecretValue = (value: string): boolean => KEY_LIKE.test(value) || hasPassword(value);

function isPlainHttp(url: string): boolean {
	if (!URL.canParse(url)) return false;
	const { protocol, hostname } = new URL(url);
	return protocol === 'http:' && !/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

function exposedSecrets(endpoint: ClientEndpoint): readonly string[] {
	if (endpoint.kind !== 'stdio') {
		const url = URL.canParse(endpoint.url) ? new URL(endpoint.url) : undefined;
		const inQuery = [...(url?.searchParams.keys() ?? [])].some(isSecretName);
		if (!inQuery && (url?.password ?? '') === '') return [];
		return ['Its address seems to hold a secret, which everybody who may see the server can read: use a header.'];
	}
	const named = endpoint.args.flatMap(suspicion).join(', ');
	if (named === '') return [];
	return [`Its arguments (${named}) seem to hold a secret, which every user of the machine can read: use "env".`];
}

// What to look at, never the secret itself.
function suspicion(arg: string, index: number): readonly string[] {
	const [flag = '', value] = arg.split('=', 2);
	if (/^--?\w/.test(flag) && SECRET_WORD.test(flag)) return [flag];
	return isSecretValue(value ?? arg) ? [`the ${index + 1}.`] : [];
}
