import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, buildConnector, getGlobalDispatcher, setGlobalDispatcher } from 'undici';
import { type Certificate, createCertificate } from './certificate.ts';

/** Proxies this machine may have, with a file below deploy/ each. */
export const EDGE_PROXIES = ['nginx', 'haproxy'] as const;

/** One of them. */
export type EdgeProxyKind = (typeof EDGE_PROXIES)[number];

/** A real proxy before something that listens on loopback. */
export interface EdgeProxy {
	/** Where it listens, with TLS. */
	readonly port: number;
	/** The certificate it shows. */
	readonly cert: string;
	close(): Promise<void>;
}

/** The name that the files below deploy/ and the certificates of the tests are for. */
export const PUBLIC_HOST = 'mcp.example.com';

const DEPLOY = resolve(import.meta.dirname, '../../deploy');
const READY_MS = 10_000;

interface Program {
	readonly path: string;
	/** Of the files below deploy/. */
	readonly file: string;
	/** What an operator edits in it: each stands there once. */
	edits(at: Place): Readonly<Record<string, string>>;
	/** Arguments with which it stays in the foreground. */
	arguments(folder: string): readonly string[];
	/** What it is started with, when that is not the file itself. */
	readonly frame?: (folder: string) => string;
}

interface Place {
	readonly folder: string;
	readonly port: number;
	readonly gatewayPort: number;
}

const PROGRAMS: Readonly<Record<EdgeProxyKind, Program>> = {
	nginx: {
		path: '/usr/sbin/nginx',
		file: 'nginx/portcullis.conf',
		edits: ({ folder, port, gatewayPort }) => ({
			'server 127.0.0.1:8080;': `server 127.0.0.1:${gatewayPort};`,
			'listen 443 ssl': `listen 127.0.0.1:${port} ssl`,
			'/etc/nginx/tls/portcullis.crt': join(folder, 'cert.pem'),
			'/etc/nginx/tls/portcullis.key': join(folder, 'key.pem'),
		}),
		arguments: (folder) => ['-p', folder, '-e', 'stderr', '-c', join(folder, 'frame')],
		frame: nginxFrame,
	},
	haproxy: {
		path: '/usr/sbin/haproxy',
		file: 'haproxy/haproxy.cfg',
		edits: ({ folder, port, gatewayPort }) => ({
			'gateway 127.0.0.1:8080': `gateway 127.0.0.1:${gatewayPort}`,
			'bind :443 ssl': `bind 127.0.0.1:${port} ssl`,
			'/etc/haproxy/tls/portcullis.pem': join(folder, 'both.pem'),
		}),
		arguments: (folder) => ['-db', '-f', join(folder, 'config')],
	},
};

/** The main file of NGINX, which packages bring along and `conf.d/` is included in. */
function nginxFrame(folder: string): string {
	const user = process.getuid?.() === 0 ? 'user root;' : '';
	const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
	const paths = temporary.map((name) => `${name}_temp_path ${join(folder, name)};`).join(' ');
	return `${user} daemon off; master_process on; worker_processes 1; pid ${join(folder, 'pid')};
events { worker_connections 256; }
http { access_log off; ${paths} include ${join(folder, 'config')}; }
`;
}

/** Whether this machine has the program. */
export function hasEdgeProxy(kind: EdgeProxyKind): boolean {
	return existsSync(PROGRAMS[kind].path);
}

/** Starts a proxy with its file below deploy/, edited as an operator would, before a port of loopback. */
export async function startEdgeProxy(kind: EdgeProxyKind, gatewayPort: number): Promise<EdgeProxy> {
	const program = PROGRAMS[kind];
	const folder = mkdtempSync(join(tmpdir(), `portcullis-${kind}-`));
	const port = await freePort();
	const certificate = createCertificate(PUBLIC_HOST);
	writeFiles(program, { folder, port, gatewayPort }, certificate);
	const child = spawn(program.path, program.arguments(folder), {
		cwd: folder,
		env: {},
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	let said = '';
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding('utf8').on('data', (text: string) => {
			said += text;
		});
	}
	const exited = once(child, 'exit');
	const close = async (): Promise<void> => {
		// NGINX has a worker, which goes with its master only when that is asked to.
		child.kill('SIGTERM');
		await exited;
		rmSync(folder, { recursive: true, force: true });
	};
	for (const deadline = Date.now() + READY_MS; !(await isOpen(port)); ) {
		if (Date.now() < deadline && child.exitCode === null) await sleep(10);
		else throw new Error(`${kind} did not start: ${said} ${await close()}`);
	}
	return { port, cert: certificate.cert, close };
}

function writeFiles({ file, edits, frame }: Program, place: Place, { cert, key }: Certificate): void {
	const { folder } = place;
	let text = readFileSync(join(DEPLOY, file), 'utf8');
	for (const [from, to] of Object.entries(edits(place))) {
		if (text.split(from).length !== 2) throw new Error(`${file} does not say "${from}" once`);
		text = text.replace(from, () => to);
	}
	const files = {
		config: text,
		'cert.pem': cert,
		'key.pem': key,
		'both.pem': cert + key,
		frame: frame?.(folder) ?? '',
	};
	for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content, { mode: 0o600 });
}

async function freePort(): Promise<number> {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	await new Promise((done) => server.close(done));
	return port;
}

function isOpen(port: number): Promise<boolean> {
	return new Promise((done) => {
		const socket = connect(port, '127.0.0.1', () => {
			socket.destroy();
			done(true);
		}).on('error', () => done(false));
	});
}

/**
 * From now on `https://mcp.example.com` is this proxy for everything that fetches in this process, as if DNS and the
 * company's certificates said so. Undone by closing what is returned.
 */
export function resolveTo({ port, cert }: Pick<EdgeProxy, 'port' | 'cert'>): { close(): Promise<void> } {
	const usual = getGlobalDispatcher();
	const connectAnywhere = buildConnector({});
	const connectHere = buildConnector({ ca: cert });
	const agent = new Agent({
		connect: (options, callback) =>
			options.hostname === PUBLIC_HOST
				? connectHere({ ...options, hostname: '127.0.0.1', port: String(port), servername: PUBLIC_HOST }, callback)
				: connectAnywhere(options, callback),
	});
	setGlobalDispatcher(agent);
	return {
		async close() {
			setGlobalDispatcher(usual);
			await agent.destroy();
		},
	};
}
