import { createServer, type Server } from 'node:http';
import type { AddressInfo, LookupFunction } from 'node:net';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMachineAvoidingConnect } from './avoid-machine.ts';

let server: Server;
let port: number;
let asked = 0;

beforeAll(async () => {
	server = createServer((_, response) => {
		asked += 1;
		response.end('here');
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	port = (server.address() as AddressInfo).port;
});
afterAll(() => void server.close());

/** Names that lead where they are told to. */
const leadsTo =
	(...addresses: readonly string[]): LookupFunction =>
	(_name, _options, done) =>
		done(
			null,
			addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
		);

async function get(url: string, resolve?: LookupFunction): Promise<string> {
	const dispatcher = new Agent({
		connect: createMachineAvoidingConnect({ connectMs: 2_000, ...(resolve && { resolve }) }),
	});
	try {
		const { body } = await request(url, { dispatcher });
		return await body.text();
	} catch (error) {
		return String((error as NodeJS.ErrnoException).code);
	} finally {
		await dispatcher.destroy();
	}
}

describe('a connection to a server', () => {
	it.each([
		...['169.254.169.254', '169.254.0.1', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.254.43518'],
		...['[fe80::1]', '[fd00:ec2::254]', '[::ffff:169.254.169.254]', '[64:ff9b::a9fe:a9fe]', '168.63.129.16'],
	])('never leads to what the machine tells about itself at %s', async (host) => {
		expect(await get(`http://${host}/latest/meta-data/`)).toBe('EMACHINE');
	});

	it.each([[['169.254.169.254']], [['127.0.0.1', '169.254.169.254']], [['fe80::1%lo']], [['::ffff:a9fe:a9fe']]])(
		'nor does a name that leads to %j',
		async (addresses) => {
			const before = asked;
			expect(await get(`http://metadata.example:${port}/`, leadsTo(...addresses))).toBe('EMACHINE');
			expect(asked).toBe(before);
		},
	);

	it('leads to other addresses of the company and of this machine, by address and by name', async () => {
		expect(await get(`http://127.0.0.1:${port}/`)).toBe('here');
		expect(await get(`http://mcp.example:${port}/`, leadsTo('127.0.0.1'))).toBe('here');
		expect(await get(`http://localhost:${port}/`)).toBe('here');
	});

	it('that cannot be made fails as it always did', async () => {
		expect(await get('http://127.0.0.1:1/')).toBe('ECONNREFUSED');
		const none: LookupFunction = (_name, _options, done) =>
			done(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), '', 0);
		expect(await get('http://none.example/', none)).toBe('ENOTFOUND');
	});
});
