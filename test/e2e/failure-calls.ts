import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { legacy, modern, type PlainAnswer, post, type TestGateway } from '../fakes/gateway.ts';

/** How a call reaches its server, which decides what may go wrong on the way. */
export interface Way {
	/** Address below the gateway's. */
	readonly path: string;
	readonly era: 'legacy' | 'modern';
	/** What stands before the tool's own name there. */
	readonly prefix?: string;
	readonly accept?: string;
}

/** Calls a tool on this way with a write token for everything. */
export function callTool(
	gateway: TestGateway,
	way: Way,
	tool: string,
	args: Readonly<Record<string, unknown>> = {},
): Promise<PlainAnswer> {
	const params = { name: `${way.prefix ?? ''}${tool}`, arguments: args };
	const message = way.era === 'modern' ? modern('tools/call', params, 7) : { body: legacy('tools/call', params, 7) };
	return post(gateway.url + way.path, message.body, {
		authorization: `Bearer ${gateway.tokenFor(['G'])}`,
		...('headers' in message && message.headers),
		...(way.accept !== undefined && { accept: way.accept }),
	});
}

/** The stable code of a refusal, in the body or as the last event of a stream; `ok` for a result. */
export function codeOf({ json }: PlainAnswer): string {
	if (json?.result !== undefined) return 'ok';
	return String(json?.error?.data?.code ?? json?.error?.code);
}

/** Text of the first content block of a tool result. */
export function textOf({ json }: PlainAnswer): string {
	return json?.result?.content?.[0]?.text;
}

/** A counter of the gateway's metrics. */
export async function metric(gateway: TestGateway, name: string): Promise<number> {
	const text = await (await fetch(`${gateway.operatorUrl}/metrics`)).text();
	const line = text.split('\n').find((each) => each.startsWith(`${name} `));
	return Number(line?.split(' ')[1]);
}

/** Resolves when the condition holds; looks every few milliseconds, for things that report no event. */
export async function until(holds: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<void> {
	const deadline = Date.now() + limitMs;
	while (!(await holds())) {
		if (Date.now() > deadline) throw new Error(`still not so after ${limitMs} ms: ${holds}`);
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}

/** A port that leads to a server and can be cut and restored: a server that dies and comes back on its port. */
export interface Cable {
	/** The server's address, through the cable. */
	readonly url: string;
	/** Refuses new connections and cuts the open ones. */
	cut(): Promise<void>;
	restore(): Promise<void>;
	close(): Promise<void>;
}

/** Lays a cable to the address. */
export async function layCable(url: string): Promise<Cable> {
	const target = new URL(url);
	const sockets = new Set<Socket>();
	const join = (socket: Socket): void => {
		const onward = connect(Number(target.port), target.hostname);
		for (const [each, other] of [
			[socket, onward],
			[onward, socket],
		] as const) {
			sockets.add(each);
			each
				.on('error', () => undefined)
				.on('close', () => {
					sockets.delete(each);
					other.destroy();
				});
			each.pipe(other);
		}
	};
	let server: Server;
	let port = 0;
	const restore = async (): Promise<void> => {
		server = createServer(join);
		await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
		port = (server.address() as AddressInfo).port;
	};
	const cut = async (): Promise<void> => {
		const closed = new Promise((resolve) => server.close(resolve));
		for (const socket of sockets) socket.destroy();
		await closed;
	};
	await restore();
	return { url: `http://127.0.0.1:${port}${target.pathname}`, cut, restore, close: cut };
}
