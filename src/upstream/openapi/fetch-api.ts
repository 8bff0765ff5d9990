import type { Pool } from 'undici';
import type { OpenApiTransport, Server } from '../../config/snapshot.ts';
import { errorCode } from '../../errors/portcullis-error.ts';
import type { Egress } from '../../lib/egress/create-egress.ts';
import { sendHttp } from '../http-exchange.ts';
import { checkStatus } from '../reply-status.ts';
import { createStamp } from '../stamp.ts';
import type { Service } from './operation.ts';
import { readApi } from './read-api.ts';
import { invalid, MOST_BYTES, readDocument } from './read-document.ts';

/** What a service is reached with. */
export interface ApiParts {
	readonly server: Server & { readonly transport: OpenApiTransport };
	/** Connections to the origin of the operations. */
	readonly pool: Pool;
	/** Rendered headers of the credential, by lower-case name. */
	readonly credentialHeaders: Readonly<Record<string, string>>;
	/** For a document that is served elsewhere than its operations. */
	readonly egress: Egress;
}

const ACCEPT = 'application/json, application/yaml;q=0.9, */*;q=0.5';

/** Reads the document of a server, at its address or at `openapi.json` below it, and what it makes of tools. */
export async function fetchApi(parts: ApiParts): Promise<Service> {
	const { transport } = parts.server;
	const [first, ...others] = candidatesFor(transport.url);
	try {
		return await readFrom(first, parts);
	} catch (error) {
		const [second] = others;
		if (second === undefined || !NO_DOCUMENT.has(errorCode(error))) throw error;
		return readFrom(second, parts);
	}
}

/** What an address answers that is not that of a document. */
const NO_DOCUMENT: ReadonlySet<unknown> = new Set(['PC_UPSTREAM_INVALID', 'PC_UPSTREAM_REDIRECT']);

function candidatesFor(address: string): readonly [string, ...string[]] {
	const url = new URL(address);
	if (/\.(?:json|ya?ml)$/i.test(url.pathname)) return [url.href];
	url.pathname = `${url.pathname.replace(/\/+$/, '')}/openapi.json`;
	return [address, url.href];
}

async function readFrom(url: string, parts: ApiParts): Promise<Service> {
	const { baseUrl, operations, headers } = parts.server.transport;
	const isSameOrigin = baseUrl === undefined || new URL(baseUrl).origin === new URL(url).origin;
	const { status, text } = await (isSameOrigin ? fetchOwn(url, parts) : fetchForeign(url, parts));
	checkStatus(status);
	if (status !== 200) throw invalid(`the document was answered with HTTP ${status}`);
	return readApi(await readDocument(text), { url, baseUrl, operations, ownHeaders: headers });
}

interface Fetched {
	readonly status: number;
	readonly text: string;
}

async function fetchOwn(url: string, { server, pool, credentialHeaders }: ApiParts): Promise<Fetched> {
	const { workspace, slug, limits } = server;
	const { pathname, search } = new URL(url);
	const reply = await sendHttp(pool, {
		method: 'GET',
		path: pathname + search,
		headers: { accept: ACCEPT, ...credentialHeaders },
		body: null,
		signal: undefined,
		limits: { ...limits, totalMs: limits.firstByteMs, resultBytes: bytesOf(server) },
		stamp: createStamp(workspace, slug, 'gateway'),
	});
	reply.events?.cancel();
	return { status: reply.status, text: reply.body.toString('utf8') };
}

// Without the credential: that belongs to the operations.
async function fetchForeign(url: string, { server, egress }: ApiParts): Promise<Fetched> {
	const { connectMs, firstByteMs } = server.limits;
	const limits = { connectMs, firstByteMs, timeoutMs: connectMs + firstByteMs, mostBytes: bytesOf(server) };
	return egress.request(url, { ...limits, headers: { accept: ACCEPT } });
}

function bytesOf({ limits }: Server): number {
	return Math.min(MOST_BYTES, limits.resultBytes);
}
