import { errorCode, PortcullisError } from '../errors/portcullis-error.ts';
import type { Answer } from '../mcp/answer.ts';
import { asObject, type Call } from '../mcp/call.ts';
import { mayBeAsked } from '../mcp/client-features.ts';
import { isLogLevel, type LogLevel } from '../mcp/log-levels.ts';
import { effectOf } from '../mcp/methods.ts';
import { META } from '../mcp/modern/envelope.ts';
import { bindingOf, type OpenedState, type StateBinding } from '../mcp/modern/request-state.ts';
import type { Held, HeldParts, HeldRequest } from './held.ts';
import { beginConversation, exchange, type HeldConversation } from './held-exchange.ts';
import type { HeldLeg } from './held-request.ts';
import { NO_CAPABILITIES, type Session } from './session-entries.ts';

/** Through a session the gateway holds: another era, another transport, or an aggregate address. */
export async function heldCall(parts: HeldParts, request: HeldRequest): Promise<Answer> {
	const { call, route } = request;
	const binding = (): StateBinding => bindingFor(request);
	const state = stateOf(parts, call, binding);
	const gone = request.endsWithConnection ? request.disconnected() : undefined;
	const cancel = parts.clients.begin(route.session, call, gone);
	const signal = call.era === 'modern' ? request.disconnected() : cancel.signal;
	const held: Held = { parts, request, signal, state, binding, done: cancel.end };
	try {
		if (state?.park !== undefined) return await resume(held, state.park);
		return await attempt(held).catch((error) => (mayRepeat(error, call) ? attempt(held) : Promise.reject(error)));
	} catch (error) {
		cancel.end();
		throw error;
	}
}

// A server that forgot the session did nothing; still, only what changes nothing is ever sent twice.
function mayRepeat(error: unknown, call: Call): boolean {
	return errorCode(error) === 'PC_UPSTREAM_SESSION_LOST' && effectOf(call.method) === 'read';
}

// Only these may be answered with questions (mcp 2026-07-28: basic/patterns/mrtr).
const MAY_ASK: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);

function stateOf({ states }: HeldParts, call: Call, binding: () => StateBinding): OpenedState | undefined {
	const state = call.params['requestState'];
	if (call.era !== 'modern' || !MAY_ASK.has(call.method) || state === undefined) return undefined;
	return states.read(state, binding());
}

function bindingFor({ call, principal, credential, route }: HeldRequest): StateBinding {
	const named = call.params['name'] ?? call.params['uri'];
	return bindingOf(call, principal, credential.key, JSON.stringify([route.server.slug, route.tool?.name, named]));
}

// A parked call has its session already; whoever parked it gets it back once, and only in this process: its server's
// question waits on a connection of ours.
function resume(held: Held, name: string): Promise<Answer> {
	const conversation = held.parts.parked.take(name) as HeldConversation | undefined;
	if (conversation === undefined) {
		const data = { reason: 'invalid_request_state' };
		throw new PortcullisError('PC_REQUEST_STATE_INVALID', { data, detail: 'no such call waits in this process' });
	}
	return exchange(held, { ...conversation.leg, call: held.request.call }, conversation);
}

async function attempt(held: Held): Promise<Answer> {
	const { parts, request, signal } = held;
	const { call, route, credential, principal } = request;
	const target = { server: route.server, credential };
	const profile = canBeAsked(request) ? route.profile : NO_CAPABILITIES;
	const spoken = parts.sessions.spokenBy(target);
	const { era, way } = spoken instanceof Promise ? await spoken : spoken;
	const modern = era === 'modern';
	const asks = MAY_ASK.has(call.method) && mayBeAsked(profile);
	// On a stream that callers share a log message cannot be told apart by caller.
	const logs = way !== 'http' && MAY_ASK.has(call.method) && logLevelOf(parts, request) !== undefined;
	const declared = modern ? NO_CAPABILITIES : profile;
	if (logs || (asks && !modern)) {
		const leasing = parts.sessions.lease(target, { profile: declared, owner: principal.key, signal });
		const lease = await leasing.catch((error) => (asks ? Promise.reject(error) : undefinedIfBusy(error)));
		if (lease !== undefined) {
			const leg = await prepared(held, lease.session, profile).catch((error) => giveBack(lease, error));
			return exchange(held, leg, beginConversation(held, leg, lease.release));
		}
	}
	const session = await parts.sessions.acquire(target, declared, signal);
	const leg = await prepared(held, session, profile);
	// A modern caller is asked by the result itself, which passes; a legacy one has to be asked in between.
	const isBridged = modern && asks && call.era === 'legacy';
	return exchange(held, leg, isBridged ? beginConversation(held, leg, () => undefined) : undefined);
}

// A call may go without its log messages.
function undefinedIfBusy(error: unknown): undefined {
	if (errorCode(error) !== 'PC_UPSTREAM_BUSY') throw error;
}

function giveBack(lease: { release(): void }, error: unknown): never {
	lease.release();
	throw error;
}

async function prepared({ parts, request }: Held, session: Session, profile: string): Promise<HeldLeg> {
	const { call, route } = request;
	const logLevel = logLevelOf(parts, request);
	if (logLevel !== undefined) await parts.setLevel(session, logLevel, route.server);
	return { call, route, session, logLevel, profile };
}

// A legacy client is asked on the stream of its call and answers by messages of its session: it needs both.
function canBeAsked({ call, route, acceptsStream }: HeldRequest): boolean {
	return call.era === 'modern' || (acceptsStream && route.session !== undefined);
}

function logLevelOf({ clients }: HeldParts, { call, route }: HeldRequest): LogLevel | undefined {
	if (call.era === 'legacy') return clients.logLevel(route.session);
	const level = asObject(call.params['_meta'])?.[META.logLevel];
	return isLogLevel(level) ? level : undefined;
}
