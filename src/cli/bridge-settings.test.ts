import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type BridgeOptions, readBridgeSettings } from './bridge-settings.ts';

const DEFAULTS = { port: 8000, name: 'n', description: 'd', version: '1.0', rootPath: '', pathPrefix: '/' };

const read = (options: Partial<BridgeOptions>, operands: readonly string[] = ['node'], env: NodeJS.ProcessEnv = {}) =>
	readBridgeSettings(operands, { ...DEFAULTS, ...options }, env);

describe('the command line of a bridge', () => {
	it.each<[Partial<BridgeOptions>, readonly string[], string]>([
		[{}, [], 'Say what to serve: portcullis bridge --port 8000 -- your_mcp_command'],
		[{ config: 'x.json' }, ['node'], 'Give either --config or a command after --.'],
		[{ serverType: 'websocket' }, ['http://a/'], 'Unsupported server type: websocket'],
		[{ serverType: 'sse' }, ['node'], 'A server of type sse needs its address after --.'],
		[{}, ['http://a/mcp', '-y'], 'After the address of a server there can be nothing but --type.'],
		[{ env: ['NAME'] }, ['node'], '--env wants name=value.'],
		[{ envPath: '/nowhere/env' }, ['node'], '/nowhere/env cannot be read (ENOENT).'],
		[{ apiKeyFile: '/nowhere/key' }, ['node'], '/nowhere/key cannot be read (ENOENT).'],
		[{ apiKeyFile: '/dev/null' }, ['node'], '/dev/null holds no key.'],
		[{ sslCertfile: 'package.json' }, ['node'], 'package.json is not a certificate in PEM.'],
		[{ sslKeyfile: 'package.json' }, ['node'], '--ssl-keyfile needs --ssl-certfile.'],
	])('is faulted with a sentence: %j %j', (options, operands, sentence) => {
		expect(() => read(options, operands)).toThrow(sentence);
	});

	it.each(['stdio', 'sse', 'streamable-http', 'streamable_http', 'streamablehttp'])(
		'knows the type %s',
		(serverType) => {
			const { servers } = read({ serverType }, ['http://a/mcp']);
			const kind = { stdio: 'stdio', sse: 'sse' }[serverType] ?? 'http';
			expect(servers).toMatchObject({ kind: 'one', server: { endpoint: { kind } } });
		},
	);

	it('puts one slash at either end of a prefix, and none at the end of a root path', () => {
		for (const pathPrefix of ['a/b', '/a/b', 'a/b/', '/a/b/']) {
			expect(read({ pathPrefix, rootPath: '/x/' }).layout).toMatchObject({ prefix: '/a/b/', rootPath: '/x' });
		}
		expect(read({}).layout).toEqual({ kind: 'single', prefix: '/', rootPath: '' });
		expect(read({ config: 'x.json' }, []).layout.kind).toBe('named');
	});

	it('listens everywhere with a key as mcpo does, and on this machine alone without one', () => {
		expect(read({ apiKey: 'k' }).listen).toEqual({ host: '0.0.0.0', port: 8000 });
		expect(read({}).listen.host).toBe('127.0.0.1');
		expect(read({ host: '10.0.0.1' }).listen.host).toBe('10.0.0.1');
		expect(read({}, ['node'], { PORTCULLIS_BRIDGE_API_KEY: '' }).listen.host).toBe('127.0.0.1');
	});

	it('keeps of a key its digest alone; an argument comes before a file, a file before the environment', () => {
		const file = join(tmpdir(), `bridge-key-${process.pid}`);
		writeFileSync(file, 'b\n');
		const env = { PORTCULLIS_BRIDGE_API_KEY: 'c' };
		const digestOf = (options: Partial<BridgeOptions>): unknown => read(options, ['node'], env).key.digest;
		expect(digestOf({ apiKey: 'a', apiKeyFile: file })).toEqual(digestOf({ apiKey: 'a' }));
		expect(digestOf({ apiKeyFile: file })).toEqual(digestOf({ apiKey: 'b' }));
		expect(digestOf({})).toEqual(digestOf({ apiKey: 'c' }));
		expect(JSON.stringify(read({ apiKey: 'k-11e0-plain' }))).not.toContain('k-11e0-plain');
	});

	it('lets pages ask where there is a key, and only those that are named where there is none', () => {
		expect([...read({ apiKey: 'k' }).names.origins]).toEqual(['*']);
		expect([...read({}).names.origins]).toEqual([]);
		const corsAllowOrigins = ['https://Chat.example.com/'];
		expect([...read({ corsAllowOrigins }).names.origins]).toEqual(['https://chat.example.com']);
	});

	it.each([
		['WARNING', 'warn'],
		['critical', 'fatal'],
		['Debug', 'debug'],
		['loud', 'info'],
	])('logs at %s as %s', (logLevel, level) => {
		expect(read({ apiKey: 'k', logLevel }).logLevel).toBe(level);
		expect(read({ apiKey: 'k' }, ['node'], { LOG_LEVEL: logLevel }).logLevel).toBe(level);
		expect(read({ apiKey: 'k', logLevel }).warnings).toHaveLength(logLevel === 'loud' ? 1 : 0);
	});
});
