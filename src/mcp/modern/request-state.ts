import { hash } from 'node:crypto';
import { PortcullisError } from '../../errors/portcullis-error.ts';
import { canonicalJson } from '../../lib/json-canonical.ts';
import { membersOf } from '../../lib/json-text.ts';
import type { Sealer } from '../../lib/seal.ts';
import { type Call, paramsText } from '../call.ts';

/** What a request state is good for; a retry must agree with the first call in all of it. */
export interface StateBinding {
	/** Key of the principal. */
	readonly principal: string;
	/** Scope key of server and credential. */
	readonly scope: string;
	readonly method: string;
	/** `params.name` or `params.uri` as the upstream has it. */
	readonly target: string;
	/** Digest of the parameters that a retry repeats. */
	readonly digest: string;
}

/** What a request state carries: the upstream's own state, or the name of the call that waits for the retry. */
export interface InnerState {
	readonly upstream?: string | undefined;
	readonly park?: string | undefined;
}

/** An opened request state; `node` names the process that made it. */
export interface OpenedState extends InnerState {
	readonly node: string;
}

/** Makes and reads the request states that callers of 2026-07-28 see: never an upstream's own, always ours. */
export interface RequestStates {
	mint(binding: StateBinding, inner: InnerState): string;
	/** Throws PC_REQUEST_STATE_INVALID when the text is not ours, has expired, was changed, or is for another call. */
	read(text: unknown, binding: StateBinding): OpenedState;
}

/** What request states are made with. */
export interface RequestStateParts {
	/** Sealer with the purpose `mcp-request-state`. */
	readonly sealer: Sealer;
	/** Names this process; another one for each start. */
	readonly node: string;
	/** Milliseconds since 1970. */
	readonly now?: () => number;
	readonly ttlMs?: number;
}

const TEN_MINUTES_MS = 600_000;

interface Sealed extends OpenedState {
	readonly binding: string;
	readonly expiresAt: number;
}

/** Request states as the specification wants them of whoever issues one (mcp 2026-07-28: basic/patterns/mrtr). */
export function createRequestStates(parts: RequestStateParts): RequestStates {
	const { sealer, node, now = () => Date.now(), ttlMs = TEN_MINUTES_MS } = parts;
	return {
		mint(binding, { upstream, park }) {
			const sealed: Sealed = { upstream, park, node, binding: textOf(binding), expiresAt: now() + ttlMs };
			return sealer.seal(sealed);
		},
		read(text, binding) {
			const sealed = typeof text === 'string' ? (sealer.open(text) as Sealed | undefined) : undefined;
			if (sealed === undefined) throw invalid('not ours, or changed');
			if (now() >= sealed.expiresAt) throw invalid('expired');
			if (sealed.binding !== textOf(binding)) throw invalid('made for another call');
			return { upstream: sealed.upstream, park: sealed.park, node: sealed.node };
		},
	};
}

// Callers learn no more than that it is invalid: which of the reasons it was would tell a thief how near they are.
function invalid(detail: string): PortcullisError {
	return new PortcullisError('PC_REQUEST_STATE_INVALID', { data: { reason: 'invalid_request_state' }, detail });
}

// Of fixed size, whatever the URI and the scope are. JSON keeps the boundaries of the parts.
function textOf({ principal, scope, method, target, digest }: StateBinding): string {
	return hash('sha256', JSON.stringify([principal, scope, method, target, digest]), 'base64url');
}

/** What a request state of this call is bound to; `target` is `params.name` or `params.uri` as the upstream has it. */
export function bindingOf(
	call: Call,
	principal: { readonly key: string },
	scope: string,
	target: string,
): StateBinding {
	return { principal: principal.key, scope, method: call.method, target, digest: digestOf(call) };
}

// These are the retry's own: the answers, the state itself, and an envelope with new progress tokens and trace ids.
const OWN_TO_EACH = new Set(['inputResponses', 'requestState', '_meta']);

function digestOf(call: Call): string {
	const text = paramsText(call);
	const members = membersOf(text).filter(({ key }) => !OWN_TO_EACH.has(key));
	const repeated = members.map(({ keyStart, end }) => text.slice(keyStart, end)).join(',');
	return hash('sha256', canonicalJson(`{${repeated}}`), 'base64url');
}
