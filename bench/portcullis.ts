import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { BENCH_FILE } from './load-wire.ts';
import type { Processes, ServerProcess } from './processes.ts';

const MAIN = path.resolve(import.meta.dirname, '../dist/main.js');
/** The stdio server of the bench. */
export const STDIO_UPSTREAM = path.join(import.meta.dirname, 'stdio-upstream.mjs');
const FILESYSTEM = createRequire(import.meta.url).resolve('@modelcontextprotocol/server-filesystem/dist/index.js');
const READY_WITHIN_MS = 20_000;
const TENANT = randomUUID();
const AUDIENCE = randomUUID();
const GROUP = 'bench-writers';

/** A running gateway and a token it accepts. */
export interface Portcullis extends ServerProcess {
	readonly token: string;
}

/** How to start the gateway for one run. */
export interface PortcullisOptions {
	readonly upstreamPort: number;
	/** Folder for its configuration, its audit trail and, when profiled, its CPU profile. */
	readonly folder: string;
	readonly isProfiled: boolean;
	readonly filesArgs: readonly string[];
}

/** Makes the folder that the real filesystem server serves; its program and its folder. */
export function prepareFiles(folder: string): readonly string[] {
	const served = path.join(folder, 'files');
	mkdirSync(served, { recursive: true });
	writeFileSync(path.join(served, BENCH_FILE.name), BENCH_FILE.text);
	return [FILESYSTEM, served];
}

/** Whether there is a gateway to measure: `npm run build` makes one. */
export function isPortcullisBuilt(): boolean {
	return existsSync(MAIN);
}

/** Resolves with the port. */
async function listenOnFreePort(server: Server): Promise<number> {
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
	const server = createServer();
	const port = await listenOnFreePort(server);
	await new Promise((resolve) => server.close(resolve));
	return port;
}

/** A Microsoft directory as far as this bench needs one: its keys on an address, and a token signed with them. */
async function startDirectory(processes: Processes): Promise<{ jwksUrl: string; token: string }> {
	const { privateKey, publicKey } = await generateKeyPair('RS256');
	const kid = randomUUID();
	const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' }] });
	const server = createServer((_request, response) => {
		response.writeHead(200, { 'content-type': 'application/json' }).end(keys);
	});
	const port = await listenOnFreePort(server);
	processes.onStop(() => {
		server.close();
		server.closeAllConnections();
	});
	const claims = { tid: TENANT, oid: randomUUID(), groups: [GROUP], scp: 'mcp.access', ver: '2.0' };
	const token = await new SignJWT({ ...claims, preferred_username: 'bench@example.com' })
		.setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT' })
		.setIssuer(`https://login.microsoftonline.com/${TENANT}/v2.0`)
		.setAudience(AUDIENCE)
		.setSubject(randomUUID())
		.setIssuedAt()
		.setNotBefore('-10s')
		.setExpirationTime('1h')
		.sign(privateKey);
	return { jwksUrl: `http://127.0.0.1:${port}/keys`, token };
}

const WIDE = { perMinute: 60_000_000, burst: 1_000_000 };
/** Limits that are counted and never reached. */
const WIDE_LIMITS = { workspace: WIDE, principal: WIDE, tool: WIDE, daily: { workspace: 1_000_000_000 } };

/** The configuration; JSON is YAML. */
function configText(upstreamPort: number, jwksUrl: string, filesArgs: readonly string[]): string {
	const issuer = 'https://login.microsoftonline.com/{tid}/v2.0';
	const origin = `http://127.0.0.1:${upstreamPort}`;
	const http = { transport: 'http', url: `${origin}/legacy/mcp`, era: 'legacy' };
	const modern = { transport: 'http', url: `${origin}/modern/mcp`, era: 'modern' };
	const servers = {
		http,
		'http-modern': modern,
		stdio: { transport: 'stdio', command: process.execPath, args: [STDIO_UPSTREAM] },
		files: { transport: 'stdio', command: process.execPath, args: filesArgs, cwd: filesArgs[1] },
	};
	return JSON.stringify({
		directories: [{ id: 'bench', issuer, tenantId: TENANT, audiences: [AUDIENCE], jwksUrl }],
		workspaces: {
			bench: { title: 'Bench', servers },
			limited: { title: 'With limits', servers: { http, 'http-modern': modern }, rateLimits: WIDE_LIMITS },
		},
		grants: ['bench', 'limited'].map((workspace) => ({ group: GROUP, workspace, access: 'write' })),
	});
}

async function untilReady(adminPort: number, hasEnded: () => boolean): Promise<void> {
	const deadline = Date.now() + READY_WITHIN_MS;
	while (Date.now() < deadline) {
		if (hasEnded()) throw new Error('Portcullis ended before it was ready');
		const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`).catch(() => undefined);
		await response?.body?.cancel();
		if (response?.status === 200) return;
		await sleep(50);
	}
	throw new Error(`Portcullis was not ready within ${READY_WITHIN_MS} ms`);
}

/** Starts the built gateway as an operator would, waits until it is ready, and signs a token for it. */
export async function startPortcullis(processes: Processes, options: PortcullisOptions): Promise<Portcullis> {
	const { upstreamPort, folder, isProfiled } = options;
	const { jwksUrl, token } = await startDirectory(processes);
	const configFile = path.join(folder, 'portcullis.yaml');
	const dataFolder = path.join(folder, 'data');
	mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
	writeFileSync(configFile, configText(upstreamPort, jwksUrl, options.filesArgs), { mode: 0o600 });
	const [port, adminPort] = [await freePort(), await freePort()];
	const profile = isProfiled ? ['--cpu-prof', `--cpu-prof-dir=${folder}`] : [];
	const child = processes.start([...profile, MAIN, 'serve'], {
		cwd: folder,
		stdio: ['ignore', 'ignore', 'inherit'],
		env: {
			PATH: process.env.PATH,
			HOME: process.env.HOME,
			PORTCULLIS_PORT: String(port),
			PORTCULLIS_ADMIN_PORT: String(adminPort),
			PORTCULLIS_CONFIG: configFile,
			PORTCULLIS_DATA: dataFolder,
		},
	});
	await untilReady(adminPort, () => child.exitCode !== null || child.signalCode !== null);
	return { pid: child.pid ?? 0, port, token };
}
