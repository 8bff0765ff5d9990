import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import type { Directory } from '../config/snapshot.ts';
import { DEMO_SIGN_IN_PATHS, DEMO_WEB_CLIENT } from './demo-sign-in.ts';

/** Where the demo keeps its things, below the data folder. */
export interface DemoPaths {
	readonly directory: string;
	readonly config: string;
	readonly secrets: string;
	/** Secret of the web client with which people sign in. */
	readonly signInSecret: string;
	files(workspace: string): string;
	memory(workspace: string): string;
}

/** The demo's paths; nothing is made. */
export function demoPaths(dataFolder: string): DemoPaths {
	const root = resolve(dataFolder, 'demo');
	return {
		directory: join(root, 'directory'),
		config: join(root, 'portcullis.yaml'),
		secrets: join(root, 'secrets'),
		signInSecret: join(root, 'secrets', 'sign-in.key'),
		files: (workspace) => join(root, 'files', workspace),
		memory: (workspace) => join(root, 'memory', `${workspace}.jsonl`),
	};
}

/** The demo's workspaces and the document that only each of them has. */
export const DEMO_WORKSPACES = {
	google: { title: 'Google', document: 'Project Firefly: the Google team ships on Thursday.\n' },
	microsoft: { title: 'Microsoft', document: 'Project Bluebird: the Microsoft review is on Monday.\n' },
	companyc: { title: 'Company C', document: 'Project Heron: Company C renews its contract in May.\n' },
} as const;

/** A demo workspace. */
export type DemoWorkspace = keyof typeof DEMO_WORKSPACES;

const NAMES = Object.keys(DEMO_WORKSPACES) as DemoWorkspace[];

/** Makes folders, documents and keys that are missing; what is there stays as it is. */
export function prepareDemoFolder(paths: DemoPaths): void {
	mkdirSync(paths.secrets, { recursive: true, mode: 0o700 });
	writeOnce(paths.signInSecret, `${randomBytes(33).toString('base64url')}\n`);
	for (const workspace of NAMES) {
		const { title, document } = DEMO_WORKSPACES[workspace];
		mkdirSync(paths.files(workspace), { recursive: true });
		mkdirSync(join(paths.memory(workspace), '..'), { recursive: true });
		writeOnce(join(paths.files(workspace), 'welcome.md'), `# ${title}\n\n${document}`);
		writeOnce(join(paths.files(workspace), `${workspace}-plan.md`), document);
		writeOnce(secretPath(paths, workspace), `${workspace}-${randomBytes(18).toString('base64url')}\n`);
	}
}

/** File with the key that the workspace's `everything` server demands. */
export function secretPath(paths: DemoPaths, workspace: DemoWorkspace): string {
	return join(paths.secrets, `${workspace}-everything.key`);
}

function writeOnce(path: string, text: string): void {
	if (!existsSync(path)) writeFileSync(path, text, { mode: 0o600 });
}

/** Path of a demo server's program in the installed packages. */
export function demoProgram(name: 'everything' | 'filesystem' | 'memory'): string {
	return createRequire(import.meta.url).resolve(`@modelcontextprotocol/server-${name}/dist/index.js`);
}

/** Addresses of the guarded `everything` servers of this run. */
export type EverythingUrls = Readonly<Record<'google' | 'microsoft', string>>;

/** Writes the demo's configuration for this run's ports. */
export function writeDemoConfig(paths: DemoPaths, directory: Directory, urls: EverythingUrls): void {
	const file = {
		directories: [{ ...directory, signIn: signInEntry(paths, new URL(directory.jwksUrl).origin) }],
		workspaces: Object.fromEntries(NAMES.map((name) => [name, workspaceEntry(paths, name, urls)])),
		grants: [
			{ group: 'MCP-Google', workspace: 'google', access: 'write' },
			{ group: 'MCP-Microsoft', workspace: 'microsoft', access: 'write' },
			{ group: 'MCP-Microsoft-Readers', workspace: 'microsoft', access: 'read' },
			{ group: 'MCP-CompanyC', workspace: 'companyc', access: 'write' },
			{ group: 'MCP-Admin', workspace: '*', access: 'admin' },
		],
	};
	writeFileSync(paths.config, `# Written anew at each start of the demo.\n${stringify(file)}`, { mode: 0o600 });
}

function signInEntry({ signInSecret }: DemoPaths, origin: string): object {
	return {
		clientId: DEMO_WEB_CLIENT,
		clientSecret: `\${file:${signInSecret}}`,
		authorizeUrl: origin + DEMO_SIGN_IN_PATHS.authorize,
		tokenUrl: origin + DEMO_SIGN_IN_PATHS.token,
		title: 'the demo directory',
	};
}

function workspaceEntry(paths: DemoPaths, name: DemoWorkspace, urls: EverythingUrls): object {
	const everything = name === 'companyc' ? undefined : everythingEntry(paths, name, urls[name]);
	return {
		title: DEMO_WORKSPACES[name].title,
		servers: {
			files: program('filesystem', { args: [paths.files(name)], cwd: paths.files(name) }),
			memory: program('memory', { env: { MEMORY_FILE_PATH: paths.memory(name) } }),
			...(everything !== undefined && { everything }),
		},
	};
}

function program(name: 'filesystem' | 'memory', more: { args?: string[]; cwd?: string; env?: object }): object {
	return { transport: 'stdio', command: process.execPath, ...more, args: [demoProgram(name), ...(more.args ?? [])] };
}

function everythingEntry(paths: DemoPaths, name: 'google' | 'microsoft', url: string): object {
	const headers = { 'x-api-key': `\${file:${secretPath(paths, name)}}` };
	return { transport: name === 'google' ? 'http' : 'sse', url, headers };
}
