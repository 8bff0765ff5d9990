import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';

/** A name server on loopback that speaks DNS over UDP (RFC 1035), and counts what it was asked. */
export interface NameServer {
	/** Asks it for both families, as a gateway would. */
	resolve(name: string): Promise<readonly string[]>;
	/** How often it was asked for addresses of IPv4 of a name. */
	asked(name: string): number;
	close(): Promise<void>;
}

/** Starts it; `answer` gives the addresses for the nth time (from 1) that a name is asked for in one family. */
export async function startNameServer(answer: (name: string, nth: number) => readonly string[]): Promise<NameServer> {
	const counts = new Map<string, number>();
	const socket = createSocket('udp4');
	socket.on('message', (query, from) => {
		const { name, type, end } = readQuestion(query);
		const key = `${type} ${name}`;
		const nth = (counts.get(key) ?? 0) + 1;
		counts.set(key, nth);
		const wanted = answer(name, nth).filter((address) => isIPv4(address) === (type === 1));
		const head = Buffer.from(query.subarray(0, 12));
		head.writeUInt16BE(0x8180, 2);
		head.writeUInt16BE(wanted.length, 6);
		head.writeUInt32BE(0, 8);
		socket.send(Buffer.concat([head, query.subarray(12, end), ...wanted.map(record)]), from.port, from.address);
	});
	socket.bind(0, '127.0.0.1');
	await once(socket, 'listening');
	const resolver = new Resolver({ timeout: 2_000, tries: 1 });
	resolver.setServers([`127.0.0.1:${socket.address().port}`]);
	return {
		async resolve(name) {
			const none = (): string[] => [];
			const found = await Promise.all([resolver.resolve4(name).catch(none), resolver.resolve6(name).catch(none)]);
			return found.flat();
		},
		asked: (name) => counts.get(`1 ${name}`) ?? 0,
		close: () => new Promise((resolve) => socket.close(() => resolve())),
	};
}

function readQuestion(query: Buffer): { readonly name: string; readonly type: number; readonly end: number } {
	const labels: string[] = [];
	let at = 12;
	for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
		labels.push(query.toString('latin1', at + 1, at + 1 + length));
		at += 1 + length;
	}
	return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

// The name is a pointer to the question; the answer may be kept for 0 seconds.
function record(address: string): Buffer {
	const bytes = isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : sixteen(address);
	const head = Buffer.from([0xc0, 12, 0, isIPv4(address) ? 1 : 28, 0, 1, 0, 0, 0, 0, 0, bytes.length]);
	return Buffer.concat([head, bytes]);
}

function sixteen(address: string): Buffer {
	const [head = '', tail = ''] = address.split('::').map((half) =>
		half
			.split(':')
			.filter((group) => group !== '')
			.join(':'),
	);
	const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
	const missing = 8 - groups(head).length - groups(tail).length;
	const all = [...groups(head), ...Array.from({ length: missing }, () => '0'), ...groups(tail)];
	return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
