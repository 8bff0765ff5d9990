import type { ErrorCode } from '../errors/table.ts';
import type { Principal } from '../identity/principal.ts';
import type { Call } from '../mcp/call.ts';
import { effectOf, type MethodEffect } from '../mcp/methods.ts';
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

/** `decide` for a whole route: one server with its tool, or every server that a list or handshake speaks for. */
export const decideRoute: DecideRoute = (principal, route, call) => {
	const { allowed, reasons, level, rules } = judge(principal, route, call);
	return { allowed, reasons, level, rules, refusal: refusalOf(call) };
};

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
