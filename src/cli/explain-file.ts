import { existsSync } from 'node:fs';
import type { App } from '../app.ts';
import { parseEnvironment } from '../config/environment.ts';
import type { Server, Snapshot } from '../config/snapshot.ts';
import { toPortcullisError } from '../errors/portcullis-error.ts';
import type { Principal } from '../identity/principal.ts';
import { createPrincipalOf } from '../identity/principal-of.ts';
import { decide } from '../policy/decide.ts';
import { explainDecision, explainGrants } from '../policy/explain-words.ts';
import type { CatalogItem } from '../router/catalog.ts';
import { type AppByFile, withAppByFile } from './app-by-file.ts';
import type { CommandIo } from './command.ts';
import { usageFault } from './command-error.ts';
import { createDemoDirectory } from './demo-directory.ts';
import { demoPaths } from './demo-folder.ts';
import { readPresentedToken } from './read-token.ts';

/** Whom, what and where a question by a configuration file is about. */
export interface FileQuestion {
	/** E-mail address of a person of the demo directory, or `-` for an access token on standard input. */
	readonly as: string;
	readonly tool: string;
	readonly config?: string;
}

/**
 * Says why a person may or may not use a tool by what a configuration file says: no store is opened, and a gateway beside
 * is not asked.
 */
export async function explainByFile(options: FileQuestion, io: CommandIo): Promise<void> {
	const folder = demoPaths(parseEnvironment(io.env).dataFolder).directory;
	await withAppByFile(options.config, io, async ({ app, snapshot }) => {
		const principal = await principalFor(options.as, { app, snapshot, folder, io });
		const words = await explainTool(app, principal, { snapshot, path: options.tool });
		io.out([...explainGrants(principal, snapshot.grantRules), '', ...words.lines].join('\n'));
		if (!words.allowed) process.exitCode = 1;
	});
}

interface WhereToLook extends AppByFile {
	/** Folder of the demo directory. */
	readonly folder: string;
	readonly io: CommandIo;
}

async function principalFor(who: string, { app, snapshot, folder, io }: WhereToLook): Promise<Principal> {
	if (who === '-') return app.authenticator.authenticate(readPresentedToken(io));
	if (!who.includes('@'))
		throw usageFault('Name somebody by e-mail address, or send an access token on standard input with --as -.');
	if (!existsSync(folder))
		throw new Error('E-mail addresses are known to the demo directory alone; send an access token with --as -.');
	const directory = await createDemoDirectory(folder);
	const person = directory.people.find(({ email }) => email === who);
	const configured = snapshot.directories.find(({ issuer }) => issuer === directory.issuer);
	if (person === undefined || configured === undefined) throw new Error(`The demo directory has no ${who}.`);
	const identity = { directory: configured.id, issuer: directory.issuer, tid: directory.tenantId, ...person };
	return createPrincipalOf()({ ...identity, scopes: ['mcp.access'], expiresAt: 0 }, snapshot);
}

interface Words {
	readonly allowed: boolean;
	readonly lines: readonly string[];
}

async function explainTool(app: App, principal: Principal, at: { snapshot: Snapshot; path: string }): Promise<Words> {
	const [workspace = '', slug = '', ...rest] = at.path.split('/');
	const name = rest.join('/');
	if (name === '') throw usageFault('Name the tool as workspace/server/tool, for example google/files/read_text_file.');
	const server = at.snapshot.workspaces.get(workspace)?.servers.get(slug);
	if (server === undefined) return { allowed: false, lines: [`No: there is no server ${workspace}/${slug}.`] };
	const before = decide(principal, { server, effect: 'read', tool: undefined, toolset: undefined });
	if (!before.allowed) return explainDecision(before, { server, name });
	const tool = await findTool(app, principal, { server, name });
	if ('problem' in tool) return { allowed: false, lines: [tool.problem] };
	const words = explainDecision(decide(principal, { server, effect: 'tool', tool: tool.found, toolset: undefined }), {
		server,
		name,
	});
	const { revision, way } = await app.directory.spokenBy({ principal, server });
	const about = [
		`  spoken: MCP ${revision} over ${way}.`,
		`  definition: The definitionDigest is ${tool.found.digest}.`,
	];
	return { ...words, lines: [...words.lines, ...about] };
}

type Lookup = { readonly found: CatalogItem } | { readonly problem: string };

async function findTool(app: App, principal: Principal, at: { server: Server; name: string }): Promise<Lookup> {
	const signal = AbortSignal.timeout(30_000);
	try {
		const list = await app.directory.list({ principal, server: at.server, kind: 'tools', profile: '{}', signal });
		const found = list.byName.get(at.name);
		if (found !== undefined) return { found };
		const names = list.items.map((item) => item.name).join(', ');
		return { problem: `No: the server has no tool ${at.name}. It has ${names}.` };
	} catch (error) {
		return { problem: `Unknown: the server cannot be asked for its tools. ${toPortcullisError(error).message}` };
	}
}
