import { writeFileSync } from 'node:fs';
import { connect as connectPlainly } from 'node:net';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type Authority, makeAuthority } from '../fakes/certificates.ts';
import { post } from '../fakes/gateway.ts';
import { until } from './failure-calls.ts';
import { openWorkbench, type ServingProcess, serve, type Workbench } from './operation-process.ts';

const SECRET = 'canary-secret-of-the-edge-0123456789';

let bench: Workbench;

beforeEach(async () => {
	bench = await openWorkbench();
	bench.configure({ workspaces: { google: { servers: {} } } });
});
afterEach(() => bench.close());

function writeListeners(listener: object): Record<string, string> {
	const edge = { mechanism: 'shared-secret', secrets: ['${env:EDGE_SECRET}'], directories: ['fake'] };
	writeFileSync(
		bench.path('listeners.yaml'),
		stringify({ listeners: [{ name: 'front', port: 0, edge, ...listener }] }),
	);
	return { PORTCULLIS_LISTENERS: bench.path('listeners.yaml'), EDGE_SECRET: SECRET };
}

function writeCertificate(authority: Authority): void {
	const { cert, key } = authority.issue({ names: ['DNS:localhost'] });
	writeFileSync(bench.path('tls.crt'), cert);
	writeFileSync(bench.path('tls.key'), key);
}

const TLS = { tls: { certFile: 'tls.crt', keyFile: 'tls.key' } };

const portOf = (gateway: ServingProcess): number => Number(/"listeners":\{"front":(\d+)\}/.exec(gateway.stderr())?.[1]);

/** Whether a new connection is made with a certificate of this authority, and with which version of TLS. */
function shakeHands(port: number, authority: Authority, options: object = {}): Promise<string> {
	return new Promise((resolve) => {
		const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: authority.cert, ...options });
		const end = (outcome: string): void => {
			socket.destroy();
			resolve(outcome);
		};
		socket.on('secureConnect', () => end(socket.getProtocol() ?? ''));
		socket.on('error', () => end('refused'));
	});
}

describe('a gateway with further listeners', () => {
	it('serves on them, ends with them, and shows their secrets nowhere', async () => {
		const env = writeListeners({});
		const gateway = await serve(bench, env);
		const url = `http://127.0.0.1:${portOf(gateway)}/mcp`;
		const body = { jsonrpc: '2.0', id: 1, method: 'ping' };
		const person = { 'x-user-id': 'somebody', 'x-user-groups': '' };
		expect((await post(url, body, { ...person, 'x-edge-secret': SECRET })).status).toBe(200);
		expect((await post(url, body, { ...person, 'x-edge-secret': `${SECRET}x` })).status).toBe(401);
		expect(bench.commandLines()).not.toContain('canary');
		gateway.signal('SIGTERM');
		expect(await gateway.exit).toEqual({ code: 0, signal: null });
		expect(gateway.stdout() + gateway.stderr()).not.toContain('canary');
		expect(JSON.stringify(await bench.audit())).not.toContain('canary');
	});

	it('does not start with a faulty file, and says what is wrong', async () => {
		const { EDGE_SECRET: _, ...env } = writeListeners({ tls: { certFile: 'none.crt', keyFile: 'none.key' } });
		const { code, err } = await bench.run(['serve', '--port', '0', '--admin-port', '0'], env);
		expect(code).toBe(2);
		expect(err).toMatch(/listeners\.yaml:\d+:\d+ listeners\[0\]\.tls\.certFile: cannot be read \(ENOENT\)$/m);
		expect(err).toMatch(/listeners\[0\]\.edge\.secrets\[0\]: environment variable EDGE_SECRET is not set$/m);
	});

	it('speaks TLS 1.2 and later, and takes a renewed certificate on SIGHUP', async () => {
		const [first, second] = [makeAuthority('First'), makeAuthority('Second')];
		writeCertificate(first);
		const gateway = await serve(bench, writeListeners(TLS));
		const port = portOf(gateway);
		expect(await shakeHands(port, first)).toBe('TLSv1.3');
		expect(await shakeHands(port, first, { maxVersion: 'TLSv1.2' })).toBe('TLSv1.2');
		const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
		expect(await shakeHands(port, first, old)).toBe('refused');
		expect(await shakeHands(port, second)).toBe('refused');

		writeCertificate(second);
		gateway.signal('SIGHUP');
		await until(async () => (await shakeHands(port, second)) === 'TLSv1.3');
		expect(await shakeHands(port, first)).toBe('refused');

		writeFileSync(bench.path('tls.key'), 'canary');
		gateway.signal('SIGHUP');
		await until(() => gateway.stderr().includes('certificate kept as it was'));
		expect(gateway.stderr()).not.toContain('canary');
		expect(await shakeHands(port, second)).toBe('TLSv1.3');
	});

	it('stops although a connection never ends its handshake', async () => {
		writeCertificate(makeAuthority());
		bench.configure({ workspaces: {}, limits: { drainMs: 200 } });
		const gateway = await serve(bench, writeListeners(TLS));
		const idle = connectPlainly(portOf(gateway), '127.0.0.1').on('error', () => undefined);
		await new Promise((resolve) => idle.once('connect', resolve));
		const closed = new Promise((resolve) => idle.once('close', resolve));
		gateway.signal('SIGTERM');
		expect(await gateway.exit).toEqual({ code: 0, signal: null });
		await closed;
	});
});

describe('a listener that asks for client certificates without being told by them who calls', () => {
	it('lets nobody in without one of its authority', async () => {
		const authority = makeAuthority();
		writeCertificate(authority);
		writeFileSync(bench.path('ca.crt'), authority.cert);
		const gateway = await serve(bench, writeListeners({ tls: { ...TLS.tls, clientCaFile: 'ca.crt' } }));
		const port = portOf(gateway);
		const ping = (options: object): Promise<string> =>
			new Promise((resolve) => {
				const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: authority.cert, ...options });
				// In TLS 1.3 a client learns only afterwards that its certificate was refused.
				socket.on('secureConnect', () =>
					socket.write('GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
				);
				socket.on('data', (chunk: Buffer) => resolve(chunk.toString('latin1').slice(0, 12)));
				socket.on('error', () => resolve('refused'));
				socket.on('close', () => resolve('closed'));
			});
		expect(await ping(authority.issue({ names: ['DNS:any'], usage: 'client' }))).toBe('HTTP/1.1 401');
		for (const without of [{}, makeAuthority().issue({ names: ['DNS:any'], usage: 'client' })]) {
			expect(await ping(without)).toMatch(/^(?:refused|closed)$/);
		}
	});
});
