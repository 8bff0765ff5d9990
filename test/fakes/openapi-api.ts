import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that the service was sent. */
export interface ServiceRequest {
	readonly method: string;
	/** Path and query as they came. */
	readonly url: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: string;
}

/** What it answers; `hang-up`: the connection ends without an answer, `silence`: nothing comes. */
export type ServiceAnswer =
	| 'hang-up'
	| 'silence'
	| {
			readonly status?: number;
			readonly type?: string;
			readonly headers?: Readonly<Record<string, string>>;
			readonly body?: string | Buffer;
	  };

/** A service with an OpenAPI document, over real HTTP on loopback. */
export interface OpenApiService {
	/** Its origin. */
	readonly url: string;
	readonly requests: readonly ServiceRequest[];
	close(): Promise<void>;
}

/** Starts a service that answers as it is told, its document included. */
export async function startOpenApiService(answer: (request: ServiceRequest) => ServiceAnswer): Promise<OpenApiService> {
	const requests: ServiceRequest[] = [];
	const server = createServer(async (request, response) => {
		const chunks: Buffer[] = [];
		for await (const chunk of request) chunks.push(chunk as Buffer);
		const { method = '', url = '', headers } = request;
		const seen = { method, url, headers, body: Buffer.concat(chunks).toString('utf8') };
		requests.push(seen);
		const told = answer(seen);
		if (told === 'silence') return;
		if (told === 'hang-up') return void request.socket.destroy();
		const { status = 200, type = 'application/json', headers: more = {}, body = '' } = told;
		response.writeHead(status, { 'content-type': type, ...more }).end(body);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		requests,
		async close() {
			server.closeAllConnections();
			server.close();
			await once(server, 'close');
		},
	};
}
