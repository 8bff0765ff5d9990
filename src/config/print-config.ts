import { stringify } from 'yaml';
import { type CallTemplate, isNamed, type Secret } from '../lib/secret.ts';
import { escapePlainText as plain } from './secret-template.ts';
import type {
	Directory,
	GrantRule,
	GraphAccess,
	RateLimits,
	Server,
	SignInAccess,
	Snapshot,
	ToolRule,
	Toolset,
	Workspace,
} from './snapshot.ts';
import { isPlainHttpAbroad, looksSecret } from './text-rules.ts';

type References = ReadonlyMap<Secret, string>;

/**
 * The configuration in force as YAML, defaults included, in the form of the file. A secret is shown as the reference it
 * came from, or as `[secret]`; so is a value written out under a name that says it is one.
 */
export function printConfig(snapshot: Snapshot, references: References = new Map()): string {
	const { directories, grantRules, workspaces, limits, names, openWebUi } = snapshot;
	const members = printMembers(snapshot);
	const file = {
		publicUrl: names.url,
		hosts: [...names.hosts],
		origins: [...names.origins],
		directories: directories.map((directory) => printDirectory(directory, references)),
		workspaces: printMap(workspaces, (workspace) => ({
			...printWorkspace(workspace, references),
			members: members.get(workspace.slug) ?? [],
		})),
		grants: grantRules.map(printGrant),
		limits,
		openWebUi: printMap(openWebUi, ({ title, secret }) => {
			return { title, secret: secret.map((part) => printPart(part, references)).join('') };
		}),
	};
	return stringify(file, { lineWidth: 0, aliasDuplicateObjects: false });
}

function printDirectory({ audiences, graph, signIn, ...directory }: Directory, references: References): object {
	return {
		...directory,
		audiences: audiences.map(plain),
		...(graph && { graph: printClient(graph, references) }),
		...(signIn && { signIn: printClient(signIn, references) }),
	};
}

function printClient({ clientSecret, ...client }: GraphAccess | SignInAccess, references: References): object {
	const title = 'title' in client ? { title: plain(client.title as string) } : {};
	return { ...client, ...title, clientSecret: clientSecret && printPart(clientSecret, references) };
}

function printGrant({ match, workspace, level, directory }: GrantRule): object {
	return { [match.claim]: plain(match.value), workspace, access: level, directory };
}

function printWorkspace(
	{ title, auditMode, rateLimits, openApi, servers, toolsets }: Workspace,
	references: References,
): object {
	return {
		title: plain(title),
		audit: auditMode,
		rateLimits: rateLimits && printRateLimits(rateLimits),
		openApi,
		servers: printMap(servers, (server) => printServer(server, references)),
		toolsets: printMap(toolsets, printToolset),
	};
}

function printRateLimits({ tools, ...limits }: RateLimits): object {
	return { ...limits, tools: printMap(tools, (limit) => limit) };
}

function printToolset({ title, tools }: Toolset): object {
	const paths = [...tools].flatMap(([server, names]) => [...names].map((name) => plain(`${server}/${name}`)));
	return { title: plain(title), tools: paths };
}

function printMembers({ memberships, directories }: Snapshot): ReadonlyMap<string, readonly object[]> {
	const printed = new Map<string, object[]>();
	for (const [key, theirs] of memberships) {
		const [issuer, , oid = ''] = JSON.parse(key) as string[];
		const directory = directories.find((each) => each.issuer === issuer)?.id;
		for (const { workspace, level, name } of theirs) {
			const here = printed.get(workspace) ?? [];
			printed.set(workspace, here);
			here.push({ oid: plain(oid), access: level, directory, name: name === '' ? undefined : plain(name) });
		}
	}
	return printed;
}

function printServer(server: Server, references: References): object {
	const { title, enabled, era, isolation, credential, clientFeatures, limits } = server;
	return {
		title: plain(title),
		enabled,
		...printTransport(server, references),
		era,
		isolation,
		credential,
		clientFeatures,
		tools: {
			default: server.toolsEnabledByDefault ? 'enabled' : 'disabled',
			rules: printMap(server.toolRules, printToolRule),
		},
		limits,
	};
}

function printToolRule(rule: ToolRule): object {
	return { ...rule, description: rule.description === undefined ? undefined : plain(rule.description) };
}

function printTransport({ transport }: Server, references: References): object {
	if (transport.kind === 'stdio') {
		const { kind, command, args, cwd, env } = transport;
		return {
			transport: kind,
			command: plain(command),
			args: args.map(plain),
			cwd: cwd && plain(cwd),
			env: printTemplates(env, references),
		};
	}
	const { kind, url, headers } = transport;
	const { baseUrl, operations } = kind === 'openapi' ? transport : {};
	const allowPlainHttp = [url, baseUrl].some((each) => each !== undefined && isPlainHttpAbroad(each)) || undefined;
	const oauth = kind === 'openapi' ? undefined : transport.oauth;
	const template = kind === 'openapi' ? undefined : transport.urlTemplate;
	const shown = template?.map((part) => printPart(part, references)).join('') ?? plain(maskQuery(url));
	return {
		transport: kind,
		url: shown,
		baseUrl: baseUrl && plain(baseUrl),
		operations: operations?.map(plain),
		allowPlainHttp,
		headers: printTemplates(headers, references),
		oauth,
	};
}

function printMap<In>(entries: ReadonlyMap<string, In>, print: (entry: In) => unknown): object {
	return Object.fromEntries([...entries].map(([name, entry]) => [name, print(entry)]));
}

function printTemplates(templates: ReadonlyMap<string, CallTemplate>, references: References): object {
	const printed = [...templates].map(([name, template]) => {
		const hidden = looksSecret(name) && template.every((part) => typeof part === 'string');
		return [name, hidden ? HIDDEN : template.map((part) => printPart(part, references)).join('')];
	});
	return Object.fromEntries(printed);
}

function printPart(part: CallTemplate[number], references: References): string {
	if (typeof part !== 'string' && isNamed(part)) return `\${secret:${part.named}}`;
	return typeof part === 'string' ? plain(part) : (references.get(part) ?? HIDDEN);
}

/** Stands for a secret where one is shown. */
export const HIDDEN = '[secret]';

/** An address without the keys that some services take in it. */
export function maskQuery(address: string): string {
	const url = new URL(address);
	const secret = [...new Set(url.searchParams.keys())].filter(looksSecret);
	if (secret.length === 0) return address;
	for (const name of secret) url.searchParams.set(name, HIDDEN);
	return url.href;
}
