import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { errorCode } from '../../src/errors/portcullis-error.ts';
import { createEgress, type Egress, type EgressRequest } from '../../src/lib/egress/create-egress.ts';
import { createCertificate } from '../fakes/certificate.ts';
import { corpus, FORBIDDEN_V4, spellingsOf } from '../fakes/egress-corpus.ts';
import { startNameServer } from '../fakes/name-server.ts';

const ending: (() => unknown)[] = [];

afterEach(async () => {
	for (const end of ending.splice(0).reverse()) await end();
});

async function listening(server: TcpServer | Server, host = '127.0.0.1', port = 0): Promise<number> {
	server.listen(port, host);
	await once(server, 'listening');
	ending.push(() => {
		(server as Partial<Server>).closeAllConnections?.();
		server.close();
	});
	return (server.address() as AddressInfo).port;
}

/** Something that nobody may reach, on every address of this machine: counts who did. */
async function startForbidden(): Promise<{ readonly port: number; count(): number }> {
	let connections = 0;
	const server = createTcpServer((socket) => {
		connections += 1;
		socket.destroy();
	});
	return { port: await listening(server, '::'), count: () => connections };
}

const startHttp = (listener: RequestListener, host?: string): Promise<number> =>
	listening(createHttpServer(listener), host);

/** What a request comes to: the status, or the code of the error. */
function outcome(egress: Egress, url: string, wish?: EgressRequest): Promise<number | string | undefined> {
	return egress.request(url, wish).then(
		({ status }) => status,
		(error: unknown) => errorCode(error) ?? String(error),
	);
}

const LOCAL = ['127.0.0.1'];

describe('the guard of outgoing requests', () => {
	test('reaches none of more than 250 spellings of addresses that are not public', async () => {
		const forbidden = await startForbidden();
		const egress = createEgress({ allowed: [] });
		const urls = corpus(forbidden.port);
		expect(urls.length).toBeGreaterThan(250);
		const reached: string[] = [];
		for (const url of urls) {
			const result = await outcome(egress, url, { timeoutMs: 5_000 });
			if (result !== 'PC_EGRESS_REFUSED') reached.push(`${url} ${result}`);
		}
		expect(reached).toEqual([]);
		expect(forbidden.count()).toBe(0);
	});

	test('would have reached many of them, had the operator allowed it', async () => {
		const port = await startHttp((_, response) => response.end('here'));
		const egress = createEgress({ allowed: ['127.0.0.0/8'] });
		const results = await Promise.all(
			spellingsOf('127.0.0.1', port)
				.filter((url) => url.startsWith('http:'))
				.map((url) => outcome(egress, url)),
		);
		expect(results.filter((result) => result === 200).length).toBeGreaterThan(15);
	});

	test('judges every address of a name, whatever the name', async () => {
		const forbidden = await startForbidden();
		for (const address of [...FORBIDDEN_V4, '::1', 'fe80::1%lo', '::ffff:127.0.0.1', 'fd00::1', '64:ff9b::7f00:1']) {
			for (const addresses of [[address], ['93.184.216.34', address], [address, '93.184.216.34']]) {
				const egress = createEgress({ allowed: [], resolve: async () => addresses });
				const url = `https://api.example.com:${forbidden.port}/`;
				expect(await outcome(egress, url, { timeoutMs: 2_000 }), address).toBe('PC_EGRESS_REFUSED');
			}
		}
		const nobody = createEgress({ allowed: [], resolve: async () => [] });
		expect(await outcome(nobody, 'https://api.example.com/')).toBe('PC_EGRESS_REFUSED');
		expect(forbidden.count()).toBe(0);
	});

	test('asks for a name once, so a name server that changes its mind leads nowhere', async () => {
		const forbidden = await startForbidden();
		const names = await startNameServer((_, nth) => (nth === 1 ? ['192.88.100.1'] : ['127.0.0.1']));
		ending.push(names.close);
		const egress = createEgress({ allowed: [], resolve: names.resolve });
		const url = `https://rebind.example.com:${forbidden.port}/`;
		// The first answer is public: nobody is there, and nothing else is tried.
		expect(await outcome(egress, url, { timeoutMs: 1_000, connectMs: 300 })).toMatch(/^PC_EGRESS_(TIMEOUT|FAILED)$/);
		expect(names.asked('rebind.example.com')).toBe(1);
		expect(await outcome(egress, url)).toBe('PC_EGRESS_REFUSED');
		expect(names.asked('rebind.example.com')).toBe(2);
		expect(forbidden.count()).toBe(0);
	});

	test.skipIf(process.platform !== 'linux')('connects to the address that was judged', async () => {
		const at: (string | undefined)[] = [];
		const listener: RequestListener = (request, response) => {
			at.push(request.socket.localAddress);
			response.end();
		};
		const port = await startHttp(listener, '127.0.0.2');
		await listening(createHttpServer(listener), '127.0.0.1', port);
		const names = await startNameServer((_, nth) => [nth === 1 ? '127.0.0.2' : '127.0.0.1']);
		ending.push(names.close);
		const egress = createEgress({ allowed: ['127.0.0.2'], resolve: names.resolve });
		expect(await outcome(egress, `http://twice.example.com:${port}/`)).toBe(200);
		expect(await outcome(egress, `http://twice.example.com:${port}/`)).toBe('PC_EGRESS_REFUSED');
		expect(at).toEqual(['127.0.0.2']);
	});

	test('follows no redirect, wherever it leads', async () => {
		const forbidden = await startForbidden();
		let hops = 0;
		const port = await startHttp((request, response) => {
			hops += 1;
			const [, status = '302', to = ''] = (request.url ?? '').split('/');
			response.writeHead(Number(status), { location: decodeURIComponent(to) }).end();
		});
		const egress = createEgress({ allowed: [`127.0.0.1:${port}`] });
		const targets = [
			`http://127.0.0.1:${forbidden.port}/`,
			`http://127.0.0.1:${port}/302/x`,
			'//169.254.169.254/',
			'/x',
		];
		for (const status of [301, 302, 303, 307, 308]) {
			for (const target of targets) {
				const url = `http://127.0.0.1:${port}/${status}/${encodeURIComponent(target)}`;
				expect(await outcome(egress, url)).toBe(status);
			}
		}
		expect(hops).toBe(20);
		expect(forbidden.count()).toBe(0);
	});

	test('takes plain http from hosts and networks that the operator named, and from nobody else', async () => {
		const port = await startHttp((_, response) => response.end('x'));
		const resolve = async (): Promise<string[]> => LOCAL;
		const asks = (allowed: readonly string[]) =>
			outcome(createEgress({ allowed, resolve }), `http://keys.corp:${port}/`);
		expect(await asks(['keys.corp'])).toBe(200);
		expect(await asks([`KEYS.corp:${port}`])).toBe(200);
		expect(await asks(['127.0.0.0/8'])).toBe(200);
		expect(await asks(['keys.corp:1'])).toBe('PC_EGRESS_REFUSED');
		expect(await asks(['corp', '10.0.0.0/8'])).toBe('PC_EGRESS_REFUSED');
		const elsewhere = createEgress({ allowed: [], resolve: async () => ['93.184.216.34'] });
		expect(await outcome(elsewhere, 'http://example.com/')).toBe('PC_EGRESS_REFUSED');
	});

	test('checks the certificate against the name that was asked for', async () => {
		const { cert, key } = createCertificate('auth.corp');
		const server = createHttpsServer({ cert, key }, (request, response) => response.end(request.headers.host));
		const port = await listening(server);
		const parts = { allowed: LOCAL, resolve: async () => LOCAL };
		const trusting = createEgress({ ...parts, authorities: [cert] });
		expect((await trusting.request(`https://auth.corp:${port}/`)).text).toBe(`auth.corp:${port}`);
		expect(await outcome(trusting, `https://other.corp:${port}/`)).toBe('PC_EGRESS_FAILED');
		expect(await outcome(trusting, `https://127.0.0.1:${port}/`)).toBe('PC_EGRESS_FAILED');
		expect(await outcome(createEgress(parts), `https://auth.corp:${port}/`)).toBe('PC_EGRESS_FAILED');
	});

	test.each([
		['sent with its length', (response: Parameters<RequestListener>[1], body: string) => response.end(body)],
		[
			'sent in pieces',
			(response: Parameters<RequestListener>[1], body: string) => {
				for (const sign of body) response.write(sign);
				response.end();
			},
		],
	])('reads a body up to its limit, %s', async (_, send) => {
		const port = await startHttp((request, response) => send(response, 'x'.repeat(Number(request.url?.slice(1)))));
		const egress = createEgress({ allowed: LOCAL });
		const asks = (bytes: number) => outcome(egress, `http://127.0.0.1:${port}/${bytes}`, { mostBytes: 100 });
		expect([await asks(99), await asks(100), await asks(101)]).toEqual([200, 200, 'PC_EGRESS_TOO_LARGE']);
	});

	test('reads a head up to its limit', async () => {
		const port = await startHttp((request, response) => {
			response.writeHead(200, { 'x-long': 'x'.repeat(Number(request.url?.slice(1))) }).end();
		});
		const egress = createEgress({ allowed: LOCAL });
		expect(await outcome(egress, `http://127.0.0.1:${port}/8000`)).toBe(200);
		expect(await outcome(egress, `http://127.0.0.1:${port}/20000`)).toBe('PC_EGRESS_TOO_LARGE');
	});

	test('waits for the first byte, the end and a name only as long as it was told', async () => {
		const port = await startHttp((request, response) => {
			if (request.url === '/drip') response.write('x');
		});
		const asks = (path: string, wish: EgressRequest) =>
			outcome(createEgress({ allowed: LOCAL }), `http://127.0.0.1:${port}${path}`, wish);
		const brief = { timeoutMs: 20_000, connectMs: 50, firstByteMs: 100 };
		expect(await asks('/never', brief)).toBe('PC_EGRESS_TIMEOUT');
		expect(await asks('/drip', { timeoutMs: 400, firstByteMs: 400 })).toBe('PC_EGRESS_TIMEOUT');
		const silent = createEgress({ allowed: [], resolve: () => new Promise(() => undefined) });
		expect(await outcome(silent, 'https://example.com/', brief)).toBe('PC_EGRESS_TIMEOUT');
	});

	test('ends at once when the signal says so, and closes its connection', async () => {
		let closed = false;
		const port = await startHttp((request, response) => {
			request.socket.on('close', () => {
				closed = true;
			});
			response.write('x');
			cancel.abort();
		});
		const cancel = new AbortController();
		const egress = createEgress({ allowed: LOCAL });
		const asks = () => outcome(egress, `http://127.0.0.1:${port}/`, { signal: cancel.signal });
		expect(await asks()).toBe('PC_CALL_CANCELLED');
		await expect.poll(() => closed).toBe(true);
		expect(await asks()).toBe('PC_CALL_CANCELLED');
	});

	test('uses each connection once, and keeps no cookies', async () => {
		const seen: { port: number | undefined; cookie: string | undefined }[] = [];
		const port = await startHttp(({ socket, headers }, response) => {
			seen.push({ port: socket.remotePort, cookie: headers.cookie });
			response.setHeader('set-cookie', ['a=1', 'b=2']).end();
		});
		const egress = createEgress({ allowed: LOCAL });
		const { headers } = await egress.request(`http://127.0.0.1:${port}/`);
		await egress.request(`http://127.0.0.1:${port}/`);
		expect(headers['set-cookie']).toBeUndefined();
		expect(seen.map(({ cookie }) => cookie)).toEqual([undefined, undefined]);
		expect(new Set(seen.map((each) => each.port)).size).toBe(2);
	});

	test('sends what it was told to send, past every proxy of the environment', async () => {
		const forbidden = await startForbidden();
		const proxy = `http://127.0.0.1:${forbidden.port}`;
		const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'];
		const before = Object.fromEntries(names.map((name) => [name, process.env[name]]));
		for (const name of names) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : proxy;
		ending.push(() => {
			for (const name of names) {
				if (before[name] === undefined) delete process.env[name];
				else process.env[name] = before[name];
			}
		});
		const port = await startHttp(async (request, response) => {
			const chunks: Buffer[] = [];
			for await (const chunk of request) chunks.push(chunk as Buffer);
			response.end(`${request.method} ${request.url} ${request.headers['x-a']} ${Buffer.concat(chunks)}`);
		});
		const wish = { method: 'POST', headers: { 'x-a': 'b' }, body: 'grant_type=x' } as const;
		const answer = await createEgress({ allowed: LOCAL }).request(`http://127.0.0.1:${port}/a/../t?q=1#f`, wish);
		expect(answer.text).toBe('POST /t?q=1 b grant_type=x');
		expect(forbidden.count()).toBe(0);
	});

	test('tells nothing of what it met', async () => {
		const egress = createEgress({ allowed: [] });
		const told = async (url: string) => egress.request(url).catch((error: Error) => `${error.message} ${error.stack}`);
		expect(await told('https://10.0.0.1/secret-path')).not.toMatch(/10\.0\.0\.1|secret-path/);
		const [there, missing] = [await told('https://localhost/'), await told('https://no-such-name.invalid/')];
		expect(String(there).split('\n')[0]).toBe(String(missing).split('\n')[0]);
	});
});
