import { editObject, objectText } from '../lib/json-text.ts';
import { asObject, type Call, paramsText } from '../mcp/call.ts';
import { type LogLevel, reaches } from '../mcp/log-levels.ts';
import { mirroredMember } from '../mcp/methods.ts';
import { encodeHeaderText, META } from '../mcp/modern/envelope.ts';
import { paramHeaderValues } from '../mcp/modern/param-headers.ts';
import { carriedMeta } from '../mcp/project.ts';
import type { HeldRoute } from '../router/route.ts';
import { modernHeaders, modernMeta } from './open-session.ts';
import type { Session } from './session-entries.ts';
import type { WireNotification } from './wire.ts';

/** A call about to leave through a held session. */
export interface HeldLeg {
	readonly call: Call;
	readonly route: HeldRoute;
	readonly session: Session;
	/** Severity from which the caller wants log messages of this call; `undefined`: none. */
	readonly logLevel: LogLevel | undefined;
	/** Client capabilities that the server is told of, canonical JSON text. */
	readonly profile: string;
}

/** Token under which the caller wants progress; `undefined`: none. */
export function progressTokenOf(call: Call): string | number | undefined {
	const token = asObject(call.params['_meta'])?.['progressToken'];
	return typeof token === 'string' || typeof token === 'number' ? token : undefined;
}

/**
 * `params` for the upstream: the caller's text with the names that change on the way, the members of a retry in `more`
 * (JSON text by key, modern upstreams only), and the `_meta` of this hop. The minted request id is also the progress token, so progress finds its way back however many callers use one token.
 */
export function upstreamParams(leg: HeldLeg, more: Readonly<Record<string, string>>): (id: number) => string {
	const text = paramsText(leg.call);
	const modern = leg.session.info.era === 'modern';
	const meta: Record<string, string> = Object.assign({}, carriedMeta(text), modern ? modernMeta(leg.profile) : {});
	if (modern && leg.logLevel !== undefined) meta[META.logLevel] = JSON.stringify(leg.logLevel);
	const wantsProgress = progressTokenOf(leg.call) !== undefined;
	const changes = Object.assign({}, leg.route.changes, retryMembers(leg), more);
	const isUnchanged = !modern && Object.keys(changes).length === 0 && leg.call.params['_meta'] === undefined;
	if (isUnchanged) return () => text;
	return (id) => {
		const all = wantsProgress ? { ...meta, progressToken: String(id) } : meta;
		const metaText = Object.keys(all).length === 0 ? undefined : objectText(all);
		return editObject(text, Object.assign({ _meta: metaText }, changes));
	};
}

// The state in a retry is ours, and a legacy server knows neither it nor the answers that come with it.
function retryMembers({ call, session }: HeldLeg): Record<string, undefined> {
	if (call.era === 'legacy' || (call.params['requestState'] ?? call.params['inputResponses']) === undefined) return {};
	return session.info.era === 'modern'
		? { requestState: undefined }
		: { requestState: undefined, inputResponses: undefined };
}

/** MCP headers for a modern upstream, mirrored from what is really sent; none for a legacy one. */
export function upstreamHeaders({ call, route, session }: HeldLeg): Record<string, string> {
	if (session.info.era === 'legacy') return {};
	const headers = modernHeaders(call.method);
	const member = mirroredMember(call.method);
	const changed = member && route.changes[member];
	const name = changed === undefined ? call.params[member ?? ''] : (JSON.parse(changed) as unknown);
	if (typeof name === 'string') headers['mcp-name'] = encodeHeaderText(name);
	const args = asObject(call.params['arguments']) ?? {};
	return Object.assign(headers, Object.fromEntries(paramHeaderValues(route.tool?.paramHeaders ?? [], args)));
}

/** A notification of the upstream as the caller is to see it, JSON text, or `undefined` when it did not ask for it. */
export function callerNotification(notification: WireNotification, leg: HeldLeg): string | undefined {
	const { method, params } = notification;
	const token = progressTokenOf(leg.call);
	const isProgress = method === 'notifications/progress' && token !== undefined;
	const isLog =
		method === 'notifications/message' && leg.logLevel !== undefined && reaches(params['level'], leg.logLevel);
	if (!isProgress && !isLog) return undefined;
	return JSON.stringify({ jsonrpc: '2.0', method, params: isProgress ? { ...params, progressToken: token } : params });
}
