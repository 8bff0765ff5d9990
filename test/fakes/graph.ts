import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How Graph answers; `up` is the healthy way. */
export type GraphHealth = 'up' | 'down' | 'hang' | 'error' | 'throttled' | 'forbidden' | 'html' | 'paged' | 'redirect';

/** One question about somebody's groups, as it arrived. */
export interface SeenLookup {
	readonly oid: string;
	readonly ids: readonly string[];
}

/** Microsoft Graph with the token endpoint of one directory, on a free port of 127.0.0.1. */
export interface FakeGraph {
	/** Members of `graph` of a directory, without the secret. */
	readonly access: { readonly clientId: string; readonly tokenUrl: string; readonly baseUrl: string };
	/** The one secret that the token endpoint takes. */
	readonly clientSecret: string;
	/** Questions about groups so far that were well-formed, whatever they were answered. */
	readonly lookups: readonly SeenLookup[];
	/** Tokens given out. */
	readonly tokens: number;
	/** Requests for anything else, such as the rest of an answer. */
	readonly strayRequests: number;
	/** Who is in which groups; whoever is not named is not in the directory. */
	readonly people: Map<string, ReadonlySet<string>>;
	setHealth(health: GraphHealth): void;
	/** Every token given out so far is no longer taken. */
	revokeTokens(): void;
	close(): Promise<void>;
}

/** Starts it, with these people and the ids of their groups. */
export async function startFakeGraph(people: Readonly<Record<string, readonly string[]>> = {}): Promise<FakeGraph> {
	const server = createServer((request, response) => void answer(state, request, response));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const state: State = {
		access: { clientId: randomUUID(), tokenUrl: `${baseUrl}/tenant/oauth2/v2.0/token`, baseUrl },
		clientSecret: `secret ${randomUUID()} +&=%`,
		lookups: [],
		tokens: 0,
		strayRequests: 0,
		people: new Map(Object.entries(people).map(([oid, groups]) => [oid, new Set(groups)])),
		health: 'up',
		taken: new Set(),
		setHealth(health) {
			state.health = health;
		},
		revokeTokens: () => state.taken.clear(),
		close: () =>
			new Promise<void>((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	};
	return state;
}

interface State extends FakeGraph {
	readonly lookups: SeenLookup[];
	tokens: number;
	strayRequests: number;
	health: GraphHealth;
	readonly taken: Set<string>;
}

const LOOKUP = /^\/v1\.0\/users\/([^/]+)\/checkMemberGroups$/;

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
	let body = '';
	for await (const chunk of request) body += String(chunk);
	const { pathname } = new URL(request.url ?? '/', 'http://graph');
	const oid = LOOKUP.exec(pathname)?.[1];
	if (request.method === 'POST' && pathname === '/tenant/oauth2/v2.0/token') {
		sendToken(state, body, response);
		return;
	}
	if (request.method === 'POST' && oid !== undefined) {
		checkMembers(state, { oid, body, request }, response);
		return;
	}
	state.strayRequests += 1;
	send(response, 404, fault('Request_ResourceNotFound'));
}

function sendToken(state: State, body: string, response: ServerResponse): void {
	const form = new URLSearchParams(body);
	const isRight =
		form.get('grant_type') === 'client_credentials' &&
		form.get('client_id') === state.access.clientId &&
		form.get('client_secret') === state.clientSecret &&
		form.get('scope') === `${state.access.baseUrl}/.default`;
	if (!isRight) {
		send(response, 401, { error: 'invalid_client', error_description: `AADSTS7000215: ${body}` });
		return;
	}
	const token = randomUUID();
	state.tokens += 1;
	state.taken.add(token);
	send(response, 200, { token_type: 'Bearer', expires_in: 3599, access_token: token });
}

interface Question {
	readonly oid: string;
	readonly body: string;
	readonly request: IncomingMessage;
}

function checkMembers(state: State, { oid, body, request }: Question, response: ServerResponse): void {
	const ids = (JSON.parse(body) as { groupIds: string[] }).groupIds;
	state.lookups.push({ oid, ids });
	if (state.health === 'hang') return;
	if (state.health === 'down') response.destroy();
	else if (state.health === 'html') response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
	else send(response, ...replyTo(state, { oid, ids, authorization: request.headers.authorization }));
}

type Reply = readonly [status: number, body: object, headers?: Record<string, string>];

function replyTo(
	{ health, access, taken, people }: State,
	{ oid, ids, authorization = '' }: SeenLookup & { readonly authorization: string | undefined },
): Reply {
	if (health === 'error') return [503, fault('serviceNotAvailable')];
	if (health === 'throttled') return [429, fault('TooManyRequests'), { 'retry-after': '120' }];
	if (health === 'forbidden') return [403, fault('Authorization_RequestDenied')];
	if (health === 'redirect') return [302, {}, { location: `${access.baseUrl}/elsewhere` }];
	if (!taken.has(authorization.replace('Bearer ', ''))) return [401, fault('InvalidAuthenticationToken')];
	if (ids.length > 20) return [400, fault('Request_BadRequest')];
	const theirs = people.get(oid);
	if (theirs === undefined) return [404, fault('Request_ResourceNotFound')];
	const value = ids.map((id) => id.toLowerCase()).filter((id) => theirs.has(id));
	const rest = health === 'paged' && { '@odata.nextLink': `${access.baseUrl}/rest` };
	return [200, { '@odata.context': `${access.baseUrl}/v1.0/$metadata#Collection(Edm.String)`, value, ...rest }];
}

const fault = (code: string): object => ({ error: { code, message: code } });

function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
	response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
