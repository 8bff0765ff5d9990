import type { Server } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Answer } from '../mcp/answer.ts';
import type { HeldRoute, ListenRoute, ListRoute, LocalRoute, RawRoute, SubscribeRoute } from '../router/route.ts';
import { type ChangesParts, listenAnswer, subscribeAnswer } from './changes-answer.ts';
import type { ForwardRequest, OutgoingRequest } from './forward-request.ts';
import type { HeldParts } from './held.ts';
import { heldCall } from './held-call.ts';
import { type ListParts, listAnswer } from './list-answer.ts';
import { type LocalParts, localAnswer } from './local-answer.ts';
import { type RawParts, rawCall } from './raw-call.ts';
import type { ServerStates } from './server-states.ts';

/** What the last stage is made of. */
export interface ForwardParts {
	readonly raw: RawParts;
	readonly held: HeldParts;
	readonly list: ListParts;
	readonly local: LocalParts;
	readonly changes: ChangesParts;
	/** Told of each call to one server whether that answered. */
	readonly states: Outcomes;
}

type Outcomes = Pick<ServerStates, 'answered' | 'failed'>;

/** The last stage and the only way out: carries an allowed call to where its route says. */
export type Forward = (request: ForwardRequest) => Promise<Answer>;

/** Builds the last stage. */
export function createForward(parts: ForwardParts): Forward {
	return (request) => {
		const { route } = request;
		if (route.session !== undefined) parts.changes.subscriptions.touch(route.session);
		if (route.kind === 'list') return listAnswer(parts.list, request as ForwardRequest<ListRoute>);
		if (route.kind === 'local') return localAnswer(parts.local, request as ForwardRequest<LocalRoute>);
		if (route.kind === 'listen') return listenAnswer(parts.changes, request as ForwardRequest<ListenRoute>);
		if (request.credential === undefined) missingCredential(route.server);
		if (route.kind === 'subscribe') return subscribeAnswer(parts.changes, request as OutgoingRequest<SubscribeRoute>);
		const answer =
			route.kind === 'raw'
				? rawCall(parts.raw, request as OutgoingRequest<RawRoute>)
				: heldCall(parts.held, request as OutgoingRequest<HeldRoute>);
		return told(answer, route.server, parts.states);
	};
}

function told(answer: Promise<Answer>, server: Server, states: Outcomes): Promise<Answer> {
	const fail = (error: unknown): never => {
		states.failed(server, error);
		throw error;
	};
	return answer.then((known) => {
		states.answered(server);
		return known.kind === 'stream' ? { ...known, pump: (sink) => known.pump(sink).catch(fail) } : known;
	}, fail);
}

function missingCredential(server: Server): never {
	throw new PortcullisError('PC_CREDENTIAL_MISSING', { detail: `${server.workspace}/${server.slug}` });
}
