import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type App, createApp } from '../../src/app.ts';
import type { AppParts } from '../../src/app-parts.ts';
import { createFileRecord, type RecordKeeper } from '../../src/audit/file-record.ts';
import { createSnapshotSource, type FileSnapshotSource } from '../../src/config/snapshot-source.ts';
import { createLog, type Log } from '../../src/observe/log.ts';
import { type FakeDirectory, startFakeDirectory } from './directory.ts';
import { type GivenKey, withKeys } from './with-keys.ts';

/** A configuration file without directories: those come from the harness. */
export type ConfigInput = Readonly<Record<string, unknown>>;

/** One line of the audit trail. */
export type AuditLine = Readonly<Record<string, unknown>>;

/** A gateway in this process, on free loopback ports, with a directory that really signs. */
export interface TestGateway {
	readonly url: string;
	readonly operatorUrl: string;
	/** Ports of the further listeners by name. */
	readonly ports: ReadonlyMap<string, number>;
	readonly app: App;
	/** Where the audit goes. */
	readonly records: RecordKeeper;
	readonly directory: FakeDirectory;
	readonly snapshots: FileSnapshotSource;
	/** Folder with the configuration and the audit trail. */
	readonly folder: string;
	/** A token of somebody in these groups; the same `oid` is the same person. */
	tokenFor(groups: readonly string[], claims?: Readonly<Record<string, unknown>>): string;
	/** Writes another configuration and swaps to it. */
	reconfigure(config: ConfigInput): Promise<void>;
	audit(): readonly AuditLine[];
	close(): Promise<void>;
}

/** What a gateway may be given beside its configuration. */
export interface Beside
	extends Pick<AppParts, 'limiting' | 'listeners' | 'jwksStaleMs' | 'egressAllow' | 'connecting'> {
	/** API keys, which no file holds. */
	readonly keys?: readonly GivenKey[];
	/** Networks of the proxies in front of the main listener. */
	readonly trustedProxies?: readonly string[];
	/** What it logs, instead of to nowhere. */
	readonly log?: Log;
}

/** Starts a gateway with this configuration; `secrets` become the environment that `${env:…}` reads. */
export async function startGateway(
	config: ConfigInput,
	secrets: NodeJS.ProcessEnv = {},
	{ keys = [], trustedProxies = [], log = createLog(process.env['TEST_LOG'] ?? 'silent'), ...more }: Beside = {},
): Promise<TestGateway> {
	const folder = mkdtempSync(join(tmpdir(), 'portcullis-test-'));
	const directory = await startFakeDirectory();
	const file = join(folder, 'portcullis.yaml');
	const write = (input: ConfigInput): void =>
		writeFileSync(file, stringify({ directories: [directory.directory], ...input }));
	write(config);
	const snapshots = await createSnapshotSource({ file, env: secrets });
	const childEnv = { PATH: process.env['PATH'] ?? '' };
	const records = createFileRecord(join(folder, 'audit.jsonl'));
	const app = createApp({ ...more, snapshots: withKeys(snapshots, keys), records, childEnv, log });
	const loopback = { host: '127.0.0.1', port: 0 };
	const { front, operator, ports } = await app.listen({ public: loopback, operator: loopback, trustedProxies });
	return {
		url: `http://127.0.0.1:${front.port}`,
		operatorUrl: `http://127.0.0.1:${operator.port}`,
		ports,
		app,
		records,
		directory,
		snapshots,
		folder,
		tokenFor: (groups, claims = {}) => directory.token({ groups, ...claims }),
		async reconfigure(input) {
			write(input);
			await snapshots.reload();
		},
		audit: () => readLines(join(folder, 'audit.jsonl')),
		async close() {
			app.beginDrain();
			await front.drain(AbortSignal.timeout(200));
			snapshots.close();
			await app.close();
			records.close();
			await operator.drain(AbortSignal.abort());
			await directory.close();
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

function readLines(path: string): AuditLine[] {
	const lines = readFileSync(path, 'utf8').split('\n');
	return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as AuditLine);
}

/** An answer to a plain HTTP request. */
export interface PlainAnswer {
	readonly status: number;
	readonly headers: Headers;
	readonly text: string;
	// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape.
	readonly json: any;
}

/** Posts one body with plain HTTP; a string body goes out as it is. */
export async function post(
	url: string,
	body: unknown,
	headers: Readonly<Record<string, string>> = {},
): Promise<PlainAnswer> {
	const response = await fetch(url, {
		method: 'POST',
		headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
		body: typeof body === 'string' ? body : JSON.stringify(body),
		redirect: 'manual',
	});
	const text = await response.text();
	return { status: response.status, headers: response.headers, text, json: jsonIn(text) };
}

/** The last JSON message in a body, whether it is JSON or an event stream. */
function jsonIn(text: string): unknown {
	const events = text.split('\n').filter((line) => line.startsWith('data: ') && line.length > 6);
	const last = events.at(-1)?.slice(6) ?? text;
	try {
		return JSON.parse(last);
	} catch {
		return undefined;
	}
}

/** A legacy request; modern ones need `modern()`. */
export function legacy(method: string, params: unknown = {}, id: string | number = 1): object {
	return { jsonrpc: '2.0', id, method, params };
}

/** Body and headers of a 2026-07-28 request. */
export function modern(
	method: string,
	params: Readonly<Record<string, unknown>> = {},
	id: string | number = 1,
): { readonly body: object; readonly headers: Record<string, string> } {
	const meta = {
		'io.modelcontextprotocol/protocolVersion': '2026-07-28',
		'io.modelcontextprotocol/clientCapabilities': {},
		...(params['_meta'] as object | undefined),
	};
	const name = params['name'] ?? params['uri'];
	const headers: Record<string, string> = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method };
	if (typeof name === 'string') headers['mcp-name'] = name;
	return { body: { jsonrpc: '2.0', id, method, params: { ...params, _meta: meta } }, headers };
}
