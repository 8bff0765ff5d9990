import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

/** A package as it is published. */
export interface PublishedPackage {
	readonly name: string;
	readonly version: string;
	/** Members of its package.json besides name and version. */
	readonly manifest?: object;
	/** Its other files, by path. */
	readonly files?: Readonly<Record<string, string>>;
}

/** A registry that npm installs from. */
export interface FakeRegistry {
	/** Variables that make npm use it, with a cache of its own. */
	env(cache: string): Readonly<Record<string, string>>;
	/** Paths that were asked for. */
	readonly asked: string[];
	/** Tarballs are held back until the returned function is called. */
	hold(): () => void;
	close(): Promise<void>;
}

/** Serves packages as the registry of npm does, as far as an installation asks. */
export async function startRegistry(packages: readonly PublishedPackage[]): Promise<FakeRegistry> {
	const tarballs = new Map(packages.map((each) => [`/${each.name}/-/${each.version}.tgz`, tarballOf(each)]));
	const asked: string[] = [];
	let held = Promise.resolve();
	const server = createServer(async (request, response) => {
		const path = decodeURIComponent(request.url ?? '');
		asked.push(path);
		const tarball = tarballs.get(path);
		if (tarball !== undefined) await held;
		if (tarball !== undefined) return response.end(tarball);
		const own = packages.filter(({ name }) => `/${name}` === path);
		if (own.length === 0) return response.writeHead(404).end('{"error":"not found"}');
		response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(packument(own)));
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const packument = (own: readonly PublishedPackage[]) => ({
		name: own[0]?.name,
		'dist-tags': { latest: own.at(-1)?.version },
		versions: Object.fromEntries(own.map((each) => [each.version, { ...manifestOf(each), dist: distOf(each) }])),
	});
	const distOf = (each: PublishedPackage) => {
		const path = `/${each.name}/-/${each.version}.tgz`;
		const integrity = `sha512-${createHash('sha512')
			.update(tarballs.get(path) as Buffer)
			.digest('base64')}`;
		return { tarball: base + path, integrity };
	};
	return {
		env: (cache) => ({
			PATH: process.env['PATH'] ?? '',
			HOME: cache,
			npm_config_registry: base,
			npm_config_cache: `${cache}/npm-cache`,
			npm_config_userconfig: `${cache}/npmrc`,
			npm_config_fetch_retries: '0',
		}),
		asked,
		hold() {
			let release: () => void = () => undefined;
			held = new Promise((resolve) => {
				release = resolve;
			});
			return release;
		},
		async close() {
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

function manifestOf({ name, version, manifest }: PublishedPackage): object {
	return { name, version, ...manifest };
}

function tarballOf(each: PublishedPackage): Buffer {
	const files = { 'package.json': JSON.stringify(manifestOf(each)), ...each.files };
	const entries = Object.entries(files).map(([path, text]) => tarEntry(`package/${path}`, Buffer.from(text)));
	return gzipSync(Buffer.concat([...entries, Buffer.alloc(1_024)]));
}

// POSIX.1-1988 ustar.
function tarEntry(path: string, body: Buffer): Buffer {
	const header = Buffer.alloc(512);
	const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, '0')}\0`;
	header.write(path, 0);
	header.write(octal(0o755, 8) + octal(0, 8) + octal(0, 8) + octal(body.length, 12) + octal(1_700_000_000, 12), 100);
	header.write('        0', 148);
	header.write('ustar\x0000', 257);
	const sum = header.reduce((total, byte) => total + byte, 0);
	header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
	return Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
}
