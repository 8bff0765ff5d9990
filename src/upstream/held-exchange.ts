import { PortcullisError } from '../errors/portcullis-error.ts';
import type { CancelSignal } from '../lib/cancel.ts';
import type { Answer } from '../mcp/answer.ts';
import { paramsText } from '../mcp/call.ts';
import type { SessionClaim } from '../mcp/legacy/session.ts';
import { type Conversation, converse, step } from './conversation.ts';
import { beginDialogue } from './dialogue.ts';
import type { Held } from './held.ts';
import { callerNotification, type HeldLeg, progressTokenOf, upstreamHeaders, upstreamParams } from './held-request.ts';
import { type Addressee, asking, type CallerFrame, translate } from './held-translate.ts';
import { createNotes, type Notes } from './notes.ts';
import { createStamp, type Stamp } from './stamp.ts';
import type { WireNotification, WireRequest, WireResponse } from './wire.ts';

/** Servers that ask several things at once send one request after the other. */
const GATHER_MS = 20;

/** A conversation with the leg it began on. */
export interface HeldConversation extends Conversation {
	readonly leg: HeldLeg;
	readonly stamp: Stamp;
}

/** Begins a call in which the server may ask something; `release` is told when it has ended. */
export function beginConversation(held: Held, leg: HeldLeg, release: () => void): HeldConversation {
	const { limits } = leg.route.server;
	const stamp = stampOf(held);
	const onNotification = (notification: WireNotification): void => conversation.listener?.(notification);
	const conversation: HeldConversation = {
		leg,
		stamp,
		scope: held.request.credential.key,
		profile: leg.profile,
		takesErrors: leg.session.info.era === 'legacy',
		listener: undefined,
		dialogue: beginDialogue({
			session: leg.session,
			limits,
			first: retryState(held),
			gatherMs: leg.call.era === 'modern' ? GATHER_MS : 0,
			request: (more) => ({ onNotification, ...upstreamMessage(leg, stamp, more) }),
		}),
	};
	void conversation.dialogue.ended.then(release);
	return conversation;
}

// The server's own state, in place of ours.
function retryState({ state }: Held): Readonly<Record<string, string>> {
	return state?.upstream === undefined ? {} : { requestState: JSON.stringify(state.upstream) };
}

function stampOf({ request }: Held): Stamp {
	const { workspace, slug } = request.route.server;
	return createStamp(workspace, slug, request.principal.key);
}

function upstreamMessage(leg: HeldLeg, stamp: Stamp, more: Readonly<Record<string, string>>) {
	return { method: leg.call.method, paramsFor: upstreamParams(leg, more), headers: upstreamHeaders(leg), stamp };
}

/** Sends the call, or goes on with its conversation, and shapes what comes back: one message or a stream. */
export async function exchange(held: Held, leg: HeldLeg, conversation?: HeldConversation): Promise<Answer> {
	const { request } = held;
	const mayStream = progressTokenOf(leg.call) !== undefined || leg.logLevel !== undefined;
	const isAsked = conversation !== undefined && leg.call.era === 'legacy';
	const notes = createNotes();
	const sent = conversation === undefined ? send(held, leg, notes) : carry({ ...held, leg }, conversation, notes);
	const response = sent.finally(() => {
		held.done();
		notes.end();
	});
	if (!request.acceptsStream || !(mayStream || isAsked)) return messageOf(await response);
	// What comes first decides the shape: a response alone is JSON, a notification or question opens a stream.
	response.catch(() => undefined);
	const first = await notes.next();
	if (first === undefined) return messageOf(await response);
	return {
		kind: 'stream',
		headers: {},
		async pump(sink) {
			for (let text: string | undefined = first; text !== undefined; text = await notes.next())
				await sink.write({ data: text });
			await sink.last(await response);
			return 'complete';
		},
	};
}

function messageOf({ data, status, failed }: CallerFrame): Answer {
	return { kind: 'message', status, body: data, headers: {}, failed: failed === true };
}

function noteTaker(leg: HeldLeg, notes: Notes): NonNullable<WireRequest['onNotification']> {
	return (notification) => {
		const text = callerNotification(notification, leg);
		if (text !== undefined) notes.add(text);
	};
}

// For a modern server each round is a call of its own, whose progress may begin anew; the legacy caller made one, and
// under its token the value must rise (mcp 2025-11-25: progress).
function rising(listener: NonNullable<WireRequest['onNotification']>): typeof listener {
	let last = Number.NEGATIVE_INFINITY;
	return (notification) => {
		const value = notification.method === 'notifications/progress' ? notification.params['progress'] : undefined;
		if (typeof value === 'number' && value <= last) return;
		if (typeof value === 'number') last = value;
		listener(notification);
	};
}

async function send(held: Held, leg: HeldLeg, notes: Notes): Promise<CallerFrame> {
	const { signal } = held;
	const stamp = stampOf(held);
	const message = upstreamMessage(leg, stamp, retryState(held));
	const response = await leg.session.request({ signal, onNotification: noteTaker(leg, notes), ...message });
	return delivered(held, leg, { response, stamp });
}

interface Received {
	readonly response: WireResponse;
	readonly stamp: Stamp;
}

function delivered(held: Held, leg: HeldLeg, { response, stamp }: Received): CallerFrame {
	if (!held.parts.tripwire.matches(stamp, response.stamp))
		throw new PortcullisError('PC_INTERNAL', { detail: 'stamp mismatch' });
	return translate(response, addresseeOf(held, leg));
}

function addresseeOf(held: Held, leg: HeldLeg): Addressee {
	const { parts, request } = held;
	const { route, principal, credential } = request;
	const from = leg.session.info.era;
	const owner = { principal: principal.key, scope: credential.key };
	const tool = route.tool?.name ?? '';
	return {
		call: leg.call,
		crossing: { from, to: leg.call.era },
		profile: leg.profile,
		mint: (inner) => parts.states.mint(held.binding(), inner),
		carriesTasks: from === 'modern' && leg.call.era === 'modern' && route.address.kind === 'server',
		taskIdFor: (id) =>
			route.restored?.taskIds?.get(id) ?? (route.restored ? undefined : parts.tasks.wrap({ id, tool }, owner)),
	};
}

interface Carried extends Held {
	/** The leg of this call; the conversation may have begun with an earlier one. */
	readonly leg: HeldLeg;
}

async function carry(held: Carried, conversation: HeldConversation, notes: Notes): Promise<CallerFrame> {
	const { stamp } = conversation;
	const { leg } = held;
	conversation.listener = noteTaker(leg, notes);
	if (leg.call.era === 'legacy') {
		conversation.listener = rising(conversation.listener);
		const response = await askInSession(held, conversation, notes);
		return delivered(held, leg, { response, stamp });
	}
	const { parts, signal, state, binding } = held;
	const { questionMs } = leg.route.server.limits;
	const answers = state?.park === undefined ? undefined : paramsText(leg.call);
	const park = (): string => parts.states.mint(binding(), { park: parts.parked.park(conversation, questionMs) });
	const { profile } = held.request.route;
	const next = await step(conversation, { park, signal: signal as CancelSignal, profile }, answers);
	return 'asks' in next ? asking(leg.call, next.asks) : delivered(held, leg, { response: next.response, stamp });
}

// Cancelling ends the whole call; being gone only matters while somebody is needed who answers.
async function askInSession(held: Carried, conversation: HeldConversation, notes: Notes): Promise<WireResponse> {
	const { parts, request, signal, leg } = held;
	const { dialogue } = conversation;
	const onCancel = (): void => dialogue.cancel(new PortcullisError('PC_CALL_CANCELLED'));
	signal?.addEventListener('abort', onCancel, { once: true });
	try {
		return await converse(conversation, {
			session: request.route.session as SessionClaim,
			clients: parts.clients,
			send: notes.ask,
			signals: [signal, request.disconnected()],
			questionMs: leg.route.server.limits.questionMs,
		});
	} finally {
		signal?.removeEventListener('abort', onCancel);
	}
}
