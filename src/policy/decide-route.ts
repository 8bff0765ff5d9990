import type { Principal } from '../identity/principal.ts';
import type { Call } from '../mcp/call.ts';
import { effectOf, type MethodEffect } from '../mcp/methods.ts';
import type { Route } from '../router/route.ts';
import { type Decision, decide } from './decide.ts';

const NOTHING_TOUCHED: Decision = { allowed: true, reasons: ['level-sufficient'], level: undefined, rules: [] };

/** `decide` for a whole route: one server with its tool, or every server that a list or handshake speaks for. */
export function decideRoute(principal: Principal, route: Route, call: Call): Decision {
	if (route.kind === 'raw' || route.kind === 'held') {
		return decide(principal, { server: route.server, effect: effectOfCall(call), tool: route.tool });
	}
	const decisions = route.servers.map((server) => decide(principal, { server, effect: 'read', tool: undefined }));
	return decisions.find((decision) => !decision.allowed) ?? decisions[0] ?? NOTHING_TOUCHED;
}

// Opening or ending a stream and answering a question carry no method; they do nothing the session did not allow.
function effectOfCall(call: Call): MethodEffect {
	return call.method === '' ? 'read' : effectOf(call.method);
}
