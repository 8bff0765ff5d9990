import type { Trail } from './audit/trail.ts';
import type { Attached } from './credentials/attach-credential.ts';
import { PortcullisError, toPortcullisError } from './errors/portcullis-error.ts';
import type { ErrorCode } from './errors/table.ts';
import type { Principal } from './identity/principal.ts';
import { type Address, pathOf } from './mcp/address.ts';
import type { Answer } from './mcp/answer.ts';
import type { Call } from './mcp/call.ts';
import { effectOf } from './mcp/methods.ts';
import type { Decision } from './policy/decide.ts';
import type { Route } from './router/route.ts';
import type { ForwardRequest } from './upstream/forward-request.ts';

/** One request as the edge hands it over: nothing looked at yet. */
export interface Exchange extends Pick<ForwardRequest, 'disconnected' | 'acceptsStream'> {
	readonly requestId: string;
	/** Checks what must hold before anybody is asked who they are (Host, Origin, headers), and finds the address. */
	admit(): Address;
	/** Name, value, name, value … as node:http gives them. */
	readonly rawHeaders: readonly string[];
	readCall(): Promise<Call>;
}

/** The stages, in the order a call meets them. */
export interface Stages {
	openTrail(requestId: string): Trail;
	authenticate(rawHeaders: readonly string[]): Principal | Promise<Principal>;
	resolveRoute(query: { address: Address; principal: Principal; call: Call; signal: AbortSignal }): Promise<Route>;
	decide(principal: Principal, route: Route, call: Call): Decision;
	attachCredential(principal: Principal, route: Route): Attached | undefined;
	forward(request: ForwardRequest): Promise<Answer>;
}

/**
 * The path of every call. The trail wraps everything, so refusals are recorded too; the route is found before policy
 * looks, so what was allowed is what is called; and nothing leaves before its intent is written.
 */
export async function handleCall(stages: Stages, exchange: Exchange): Promise<Answer> {
	const trail = stages.openTrail(exchange.requestId);
	try {
		const address = exchange.admit();
		trail.note({ address: pathOf(address) });
		const principal = await stages.authenticate(exchange.rawHeaders);
		trail.note({ principal: { issuer: principal.issuer, tid: principal.tid, oid: principal.oid } });
		const call = await exchange.readCall();
		trail.note({ era: call.era, method: call.method || call.kind });
		const route = await stages.resolveRoute({ address, principal, call, signal: NEVER });
		const decision = stages.decide(principal, route, call);
		noteSubject(trail, route);
		trail.note({ level: decision.level ?? 'none', reasons: decision.reasons, rules: decision.rules });
		if (!decision.allowed) throw new PortcullisError(refusalFor(call));
		const credential = stages.attachCredential(principal, route);
		if (credential !== undefined) {
			trail.note({ credential: credential.id });
			await trail.intend();
		}
		const { disconnected, acceptsStream } = exchange;
		const request = { principal, call, route, credential, disconnected, acceptsStream };
		return await trail.close(await stages.forward(request));
	} catch (error) {
		const known = toPortcullisError(error);
		await trail.fail(known);
		throw known;
	}
}

function noteSubject(trail: Trail, route: Route): void {
	trail.note({ route: route.kind });
	if (route.kind === 'local' || route.kind === 'list') return;
	trail.note({ workspace: route.server.workspace, server: route.server.slug });
	if (route.tool !== undefined) trail.note({ tool: route.tool.name });
}

// What is forbidden answers like what does not exist.
function refusalFor(call: Call): ErrorCode {
	if (call.method === 'tools/call') return 'PC_TOOL_UNKNOWN';
	return effectOf(call.method) === 'unknown' ? 'PC_METHOD_UNKNOWN' : 'PC_ADDRESS_UNKNOWN';
}

const NEVER = new AbortController().signal;
