import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { makeCanary } from './tenancy-canary.ts';
import {
	type FixtureOptions,
	type HttpFixture,
	type LegacyHttpFixture,
	type SeenRequest,
	startLegacyHttp,
	startLegacySse,
	startModernHttp,
	stdioServer,
} from './upstream.ts';

/** How a server of the test company may be built. */
export const BUILDS = [
	'stdio-legacy',
	'stdio-modern',
	'http-legacy',
	'http-sessionless',
	'http-modern',
	'sse',
] as const;

/** How a server of the test company is built. */
export type Build = (typeof BUILDS)[number];

/** A fixture server of one workspace, with a canary of its own and the workspace's credential as its condition. */
export interface Upstream {
	readonly workspace: string;
	readonly slug: string;
	readonly build: Build;
	readonly canary: string;
	/** Its entry in the configuration file, without tool rules. */
	readonly entry: Readonly<Record<string, unknown>>;
	/** What reached it since this was last asked, headers included, as text. */
	news(): string;
	/** Requests of the network builds. */
	readonly seen: readonly SeenRequest[];
	/** Log of the stdio builds. */
	readonly logPath: string | undefined;
	/** Lets go of the requests it has noted so far: there can be very many. */
	forgetRequests(): void;
	/** Forgets every session, as a restarted server does; only the http builds with sessions can. */
	dropSessions(): void;
	close(): Promise<void>;
}

/** What an upstream is made from. */
export interface UpstreamPlan {
	readonly workspace: string;
	readonly slug: string;
	readonly build: Build;
	/** The workspace's credential, and the variable of the gateway that holds it. */
	readonly secret: { readonly variable: string; readonly value: string };
	/** Where the stdio builds write their log. */
	readonly folder: string;
	/** Waits at random up to so long before a tool begins. */
	readonly jitterMs?: number | undefined;
}

/** Starts one fixture server (or prepares its command, for the stdio builds). */
export async function startUpstream(plan: UpstreamPlan): Promise<Upstream> {
	const { workspace, slug, build, secret, jitterMs } = plan;
	const canary = makeCanary(workspace, slug);
	const place = { workspace, slug, build, canary };
	const reference = `\${env:${secret.variable}}`;
	if (build === 'stdio-legacy' || build === 'stdio-modern') {
		const era = build === 'stdio-legacy' ? 'legacy' : 'modern';
		const logPath = join(plan.folder, `${workspace}-${slug}.jsonl`);
		const program = stdioServer({ canary, jitterMs, logPath, era, env: { API_KEY: reference } });
		const entry = { transport: 'stdio', ...program };
		return { ...place, ...STATELESS, entry, seen: [], logPath, news: tailOf(logPath), close: async () => undefined };
	}
	const server = await startNetwork(build, { canary, jitterMs }, secret.value);
	const transport = build === 'sse' ? 'sse' : 'http';
	const entry = { transport, url: server.url, headers: { 'x-api-key': reference } };
	const { seen, close } = server;
	return { ...place, entry, seen, logPath: undefined, ...memoryOf(server), close };
}

const STATELESS = { forgetRequests: () => undefined, dropSessions: () => undefined };

function startNetwork(build: Build, behaviour: FixtureOptions, key: string): Promise<HttpFixture> {
	const options = { ...behaviour, requireHeader: { header: 'x-api-key', value: key } };
	if (build === 'http-modern') return startModernHttp(options);
	if (build === 'sse') return startLegacySse(options);
	return startLegacyHttp({ ...options, sessions: build !== 'http-sessionless' });
}

function memoryOf(server: HttpFixture): Pick<Upstream, 'news' | 'forgetRequests' | 'dropSessions'> {
	const { seen } = server;
	let at = 0;
	return {
		news() {
			const fresh = seen.slice(at).map(({ path, headers, text }) => `${path}\n${JSON.stringify(headers)}\n${text}`);
			at = seen.length;
			return fresh.join('\n');
		},
		forgetRequests() {
			seen.length = 0;
			at = 0;
		},
		dropSessions: () => (server as Partial<LegacyHttpFixture>).dropSessions?.(),
	};
}

function tailOf(path: string): () => string {
	let at = 0;
	return () => {
		const text = readFrom(path, at);
		at += Buffer.byteLength(text);
		return text;
	};
}

const CHUNK = 64 * 1024;

function readFrom(path: string, start: number): string {
	try {
		const file = openSync(path, 'r');
		const parts: Buffer[] = [];
		for (let at = start, size = 1; size > 0; at += size) {
			const part = Buffer.alloc(CHUNK);
			size = readSync(file, part, 0, CHUNK, at);
			parts.push(part.subarray(0, size));
		}
		closeSync(file);
		return Buffer.concat(parts).toString('utf8');
	} catch {
		// It never started.
		return '';
	}
}
