import type { OpenTrail } from './audit/trail.ts';
import type { Attached } from './credentials/attach-credential.ts';
import { PortcullisError, toPortcullisError } from './errors/portcullis-error.ts';
import type { Exchange } from './exchange.ts';
import type { Authenticator } from './identity/authenticate.ts';
import { factsOf, type Principal } from './identity/principal.ts';
import type { Limits } from './limits/create-limits.ts';
import { pathOf } from './mcp/address.ts';
import type { Answer } from './mcp/answer.ts';
import type { DecideRoute } from './policy/decide-route.ts';
import type { ResolveRoute } from './router/resolve-route.ts';
import { type Route, subjectOf } from './router/route.ts';
import type { Forward } from './upstream/forward.ts';

/** The stages, in the order a call meets them. */
export interface Stages extends Pick<Authenticator, 'authenticate'>, Pick<Limits, 'spend' | 'within'> {
	readonly openTrail: OpenTrail;
	readonly resolveRoute: ResolveRoute;
	readonly decide: DecideRoute;
	attachCredential(principal: Principal, route: Route): Attached | undefined;
	readonly forward: Forward;
}

/**
 * The path of every call. The trail wraps everything, so refusals are recorded too; the route is found before policy
 * looks, so what was allowed is what is called; and nothing leaves before it was counted and its intent is written.
 */
export async function handleCall(stages: Stages, exchange: Exchange): Promise<Answer> {
	const trail = stages.openTrail(exchange.requestId);
	try {
		const address = exchange.admit();
		trail.note({ address: pathOf(address), facade: exchange.facade });
		const principal = await stages.authenticate(exchange.presented);
		trail.note(factsOf(principal, address));
		const call = await exchange.readCall(principal);
		trail.note({ era: call.era, method: call.method || call.kind });
		const route = await stages.resolveRoute({ address, principal, call });
		const { allowed, refusal, level, reasons, rules } = stages.decide(principal, route, call);
		trail.note({ level, reasons, rules, ...subjectOf(route) });
		if (!allowed) throw new PortcullisError(refusal);
		const answer = await stages.within(route, call, async () => {
			const counted = stages.spend(principal, route, call);
			if (counted !== undefined) await counted;
			const credential = stages.attachCredential(principal, route);
			if (credential !== undefined) await trail.intend(credential.id);
			const { disconnected, acceptsStream, endsWithConnection } = exchange;
			return stages.forward({ principal, call, route, credential, disconnected, acceptsStream, endsWithConnection });
		});
		return await trail.close(answer);
	} catch (error) {
		const known = toPortcullisError(error);
		await trail.fail(known);
		throw known;
	}
}
