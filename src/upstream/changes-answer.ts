import type { AttachCredential } from '../credentials/attach-credential.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { CancelSignal } from '../lib/cancel.ts';
import { objectText } from '../lib/json-text.ts';
import { type Answer, type FrameSink, messageAnswer, type StreamEnd } from '../mcp/answer.ts';
import { asObject, successText } from '../mcp/call.ts';
import {
	ACKNOWLEDGED,
	ALL_LISTS,
	CHANGED_LISTS,
	type ChangedList,
	RESOURCE_FILTER,
	RESOURCE_UPDATED,
} from '../mcp/changes.ts';
import { META } from '../mcp/modern/envelope.ts';
import type { ListenRoute, SubscribeRoute } from '../router/route.ts';
import { createChangeFeed, type Told } from './change-feed.ts';
import type { ClientSubscriptions } from './client-subscriptions.ts';
import type { ForwardRequest, OutgoingRequest } from './forward-request.ts';
import { createListening, type Listening, type ListeningParts } from './listening.ts';
import { listsTold, type UpstreamInfo } from './open-session.ts';
import type { Sessions } from './sessions.ts';
import type { Target } from './target.ts';

/** What changes are told with. */
export interface ChangesParts extends ListeningParts {
	readonly sessions: Pick<Sessions, 'infoOf'>;
	readonly subscriptions: ClientSubscriptions;
	readonly attach: AttachCredential;
	/** How long a server may take to agree to what it is asked to tell, milliseconds. */
	deadlineMs(): number;
}

type ListenRequest = ForwardRequest<ListenRoute>;

/** Remembers, under the caller's session, that it watches a resource. */
export async function subscribeAnswer(parts: ChangesParts, request: OutgoingRequest<SubscribeRoute>): Promise<Answer> {
	const { route, credential, call } = request;
	const { server, uri, exposed, session } = route;
	await parts.subscriptions.subscribe(session, { target: { server, credential }, uri, exposed });
	return messageAnswer(successText(call.idText, '{}'));
}

/** A stream without end that tells of changes: a modern subscription, or the GET stream of a legacy session. */
export async function listenAnswer(parts: ChangesParts, request: ListenRequest): Promise<Answer> {
	if (!request.acceptsStream) throw new PortcullisError('PC_STREAM_NOT_ACCEPTED');
	if (request.call.era === 'modern') return streamOf((sink) => pumpListen(parts, request, sink));
	const asked = askInfos(parts, request, await targetsOf(parts, request));
	// The handshake of an aggregate announces every list without asking anybody.
	const lists = request.route.address.kind === 'server' ? toldBy(await Promise.all(asked)) : request.route.lists;
	if (!(await isWorthwhile(request, asked))) throw new PortcullisError('PC_METHOD_NOT_ALLOWED');
	return streamOf((sink) => pumpSession(parts, request, { sink, lists }));
}

// The first server with something to tell decides: nobody waits for the slow ones.
function isWorthwhile({ route }: ListenRequest, asked: readonly Promise<Known>[]): Promise<boolean> {
	if (route.profile !== '{}') return Promise.resolve(true);
	const found = asked.map(async (known) => {
		const { info } = await known;
		if (info === undefined || !tells(info)) throw new PortcullisError('PC_METHOD_NOT_ALLOWED');
		return true;
	});
	return Promise.any(found).catch(() => false);
}

function streamOf(pump: (sink: FrameSink) => Promise<StreamEnd>): Answer {
	return { kind: 'stream', headers: {}, pump };
}

interface Known {
	readonly target: Target;
	/** `undefined`: the server cannot be asked. */
	readonly info: UpstreamInfo | undefined;
}

// A server that this caller has no account at yet tells them nothing; alone at its address it must say so.
async function targetsOf({ attach }: ChangesParts, { principal, route }: ListenRequest): Promise<readonly Target[]> {
	const attached = route.servers.map(async (server) => ({ server, credential: await attach(principal, server) }));
	if (route.address.kind === 'server') return Promise.all(attached);
	const settled = await Promise.allSettled(attached);
	return settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
}

function askInfos(
	parts: ChangesParts,
	{ route }: ListenRequest,
	targets: readonly Target[],
): readonly Promise<Known>[] {
	return targets.map(async (target): Promise<Known> => {
		const info = parts.sessions.infoOf(target);
		// One dead server must not silence the others; alone at its address it must say that it is dead.
		if (route.address.kind === 'server') return { target, info: await info };
		return { target, info: await inTime(info, parts.deadlineMs()).catch(() => undefined) };
	});
}

function tells({ capabilities }: UpstreamInfo): boolean {
	return listsTold(capabilities).length > 0 || asObject(capabilities['resources'])?.['subscribe'] === true;
}

function toldBy(known: readonly Known[]): readonly ChangedList[] {
	const told = new Set(known.flatMap(({ info }) => listsTold(info?.capabilities ?? {})));
	return ALL_LISTS.filter((list) => told.has(list));
}

interface Stream {
	readonly sink: FrameSink;
	readonly lists: readonly ChangedList[];
}

async function pumpSession(parts: ChangesParts, request: ListenRequest, { sink, lists }: Stream): Promise<StreamEnd> {
	const { route } = request;
	if (route.session === undefined) throw new PortcullisError('PC_METHOD_NOT_ALLOWED');
	const targets = await targetsOf(parts, request);
	const ending = createEnding(request.disconnected());
	const write = (told: Told) => sink.write({ data: toldText(told, undefined) });
	const close = parts.subscriptions.open(route.session, { targets, lists, write, end: ending.end });
	await ending.ended.finally(close);
	return 'open-ended';
}

async function pumpListen(parts: ChangesParts, request: ListenRequest, sink: FrameSink): Promise<StreamEnd> {
	const { route, call } = request;
	const gone = request.disconnected();
	const feed = createChangeFeed();
	const listening = createListening(parts, feed);
	try {
		const known = await Promise.all(askInfos(parts, request, await targetsOf(parts, request)));
		const lists = toldBy(known).filter((list) => route.lists.includes(list));
		listening.lists(
			known.map(({ target }) => target),
			lists,
		);
		const uris = await watchAll(parts, request, listening);
		await sink.write({ data: acknowledgement(call.idText, lists, uris) });
		feed.attach({ write: (told) => sink.write({ data: toldText(told, call.idText) }) });
		await createEnding(gone).ended;
	} catch (error) {
		if (!gone.aborted) throw error;
	} finally {
		listening.close();
		feed.close();
	}
	return 'open-ended';
}

// What a server refuses, or does not agree to in time, is left out of the acknowledgement: that tells the caller.
async function watchAll(parts: ChangesParts, request: ListenRequest, listening: Listening): Promise<readonly string[]> {
	const asked = request.route.resources.map(async ({ server, uri, exposed }) => {
		const target = { server, credential: await parts.attach(request.principal, server) };
		const agreed = listening.resource({ target, uri, exposed });
		return inTime(agreed, parts.deadlineMs()).then(
			() => [exposed],
			() => {
				agreed.then((stop) => stop()).catch(() => undefined);
				return [];
			},
		);
	});
	return (await Promise.all(asked)).flat();
}

function inTime<T>(promise: Promise<T>, ms: number): Promise<T> {
	const late = new PortcullisError('PC_UPSTREAM_TIMEOUT');
	let timer: NodeJS.Timeout | undefined;
	const patience = new Promise<never>((_resolve, reject) => {
		timer = setTimeout(reject, ms, late);
	});
	return Promise.race([promise, patience]).finally(() => clearTimeout(timer));
}

function createEnding(gone: CancelSignal): { readonly ended: Promise<void>; end(): void } {
	let end = (): void => undefined;
	const ended = new Promise<void>((resolve) => {
		end = resolve;
	});
	if (gone.aborted) end();
	else gone.addEventListener('abort', end, { once: true });
	return { ended, end };
}

function acknowledgement(idText: string, lists: readonly ChangedList[], uris: readonly string[]): string {
	const notifications = Object.fromEntries([
		...lists.map((list) => [CHANGED_LISTS[list].filter, true] as const),
		...(uris.length > 0 ? [[RESOURCE_FILTER, uris] as const] : []),
	]);
	return notificationText(ACKNOWLEDGED, { notifications: JSON.stringify(notifications), _meta: tagText(idText) });
}

/** A change as the caller reads it; `idText`: id of the subscription it belongs to, as the caller spelled it. */
function toldText(told: Told, idText: string | undefined): string {
	const tag = idText === undefined ? {} : { [META.subscriptionId]: idText };
	if (told.kind === 'list') {
		const params = idText === undefined ? undefined : { _meta: tagText(idText) };
		return notificationText(CHANGED_LISTS[told.list].method, params);
	}
	const { uri: _uri, _meta, ...others } = told.params;
	const { [META.subscriptionId]: _tag, ...carried } = asObject(_meta) ?? {};
	const meta = { ...textsOf(carried), ...tag };
	const params = { uri: JSON.stringify(told.uri), ...textsOf(others) };
	return notificationText(
		RESOURCE_UPDATED,
		Object.keys(meta).length === 0 ? params : { ...params, _meta: objectText(meta) },
	);
}

function tagText(idText: string): string {
	return objectText({ [META.subscriptionId]: idText });
}

function textsOf(values: Readonly<Record<string, unknown>>): Record<string, string> {
	return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, JSON.stringify(value)]));
}

function notificationText(method: string, params: Readonly<Record<string, string>> | undefined): string {
	const rest = params === undefined ? '' : `,"params":${objectText(params)}`;
	return `{"jsonrpc":"2.0","method":"${method}"${rest}}`;
}
