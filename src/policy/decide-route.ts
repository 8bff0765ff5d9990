import type { ErrorCode } from '../errors/table.ts';
import type { Principal } from '../identity/principal.ts';
import type { Call } from '../mcp/call.ts';
import { effectOf, listKindOf, type MethodEffect } from '../mcp/methods.ts';
import type { Route } from '../router/route.ts';
import { type Decision, decide } from './decide.ts';

/** A decision about a whole route, and how a refusal of it looks to the caller. */
export interface RouteDecision extends Decision {
	/** What is forbidden answers like what does not exist. */
	readonly refusal: ErrorCode;
}

/** The policy stage. */
export type DecideRoute = (principal: Principal, route: Route, call: Call) => RouteDecision;

const NOTHING_TOUCHED: Decision = { allowed: true, reasons: ['level-sufficient'], level: undefined, rules: [] };

/**
 * `decide` for a whole route: one server with its tool, or every server that a list or handshake speaks for. Whoever
 * may only read lists is told so about what `decide` allows, and nothing else: what it forbids stays unknown.
 */
export const decideRoute: DecideRoute = (principal, route, call) => {
	const { allowed, reasons, level, rules } = judge(principal, route, call);
	if (allowed && isForPeople(principal, route, call)) {
		const why = [...reasons, 'person-required'] as const;
		return { allowed: false, reasons: why, level, rules, refusal: 'PC_PERSON_REQUIRED' };
	}
	return { allowed, reasons, level, rules, refusal: refusalOf(call) };
};

const HANDSHAKE: ReadonlySet<string> = new Set([
	...['initialize', 'server/discover', 'ping', 'logging/setLevel'],
	...['notifications/initialized', 'notifications/cancelled', 'notifications/roots/list_changed'],
]);

// Answers of the gateway itself and lists are for the key; all else that reaches a server is for somebody.
function isForPeople({ grants }: Principal, route: Route, call: Call): boolean {
	if (route.kind === 'local' || route.kind === 'list') return false;
	if (![...grants.values()].some(({ listsOnly }) => listsOnly)) return false;
	const isHandshake = call.kind === 'end' || HANDSHAKE.has(call.method) || listKindOf(call.method) !== undefined;
	return !isHandshake;
}

function judge(principal: Principal, route: Route, call: Call): Decision {
	if (route.kind === 'raw' || route.kind === 'held') {
		const toolset = route.kind === 'held' ? route.toolset : undefined;
		return decide(principal, { server: route.server, effect: effectOfCall(call), tool: route.tool, toolset });
	}
	const about = { effect: 'read', tool: undefined, toolset: undefined } as const;
	const decisions = route.servers.map((server) => decide(principal, { server, ...about }));
	return decisions.find((decision) => !decision.allowed) ?? decisions[0] ?? NOTHING_TOUCHED;
}

// Opening or ending a stream and answering a question carry no method; they do nothing the session did not allow.
function effectOfCall(call: Call): MethodEffect {
	return call.method === '' ? 'read' : effectOf(call.method);
}

function refusalOf(call: Call): ErrorCode {
	if (call.method === 'tools/call') return 'PC_TOOL_UNKNOWN';
	return effectOfCall(call) === 'unknown' ? 'PC_METHOD_UNKNOWN' : 'PC_ADDRESS_UNKNOWN';
}
