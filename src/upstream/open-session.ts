import { errorCode, PortcullisError } from '../errors/portcullis-error.ts';
import { memberOf, objectText, sliceOf } from '../lib/json-text.ts';
import { asObject, type JsonObject } from '../mcp/call.ts';
import { ALL_LISTS, CHANGED_LISTS, type ChangedList, RESOURCE_FILTER } from '../mcp/changes.ts';
import { META } from '../mcp/modern/envelope.ts';
import { type Era, LEGACY_REVISIONS, MODERN_REVISIONS, NEWEST } from '../mcp/revisions.ts';
import type { Stamp } from './stamp.ts';
import type { Wire, WireRequest, WireResponse } from './wire.ts';

/** What an upstream said of itself, and the protocol it speaks. */
export interface UpstreamInfo {
	readonly era: Era;
	readonly revision: string;
	readonly capabilities: JsonObject;
	/** JSON text of `serverInfo`; `{}` when it gave none. */
	readonly serverInfo: string;
	readonly instructions: string | undefined;
}

/** How to open a session. */
export interface Opening {
	readonly wire: Wire;
	readonly era: 'auto' | Era;
	/** Client capabilities to declare, as JSON text; never more than the caller declared. */
	readonly profile: string;
	readonly stamp: Stamp;
	/** Milliseconds after which silence means legacy; `undefined` where silence is an error (http). */
	readonly probeMs: number | undefined;
}

const CLIENT_INFO = '{"name":"portcullis","version":"0.1.0"}';

/** The `_meta` members of a modern request, as JSON text values by key. */
export function modernMeta(profile: string): Record<string, string> {
	return {
		[META.protocolVersion]: JSON.stringify(NEWEST.modern),
		[META.clientInfo]: CLIENT_INFO,
		[META.clientCapabilities]: profile,
	};
}

/** Headers of a modern request without a mirrored name. */
export function modernHeaders(method: string): Record<string, string> {
	return { 'mcp-protocol-version': NEWEST.modern, 'mcp-method': method };
}

/**
 * Finds out which protocol the upstream speaks and shakes hands (mcp 2026-07-28: basic/versioning). A refused
 * credential, a server failure or a time-out is an error, never a verdict.
 */
export async function openSession(opening: Opening): Promise<UpstreamInfo> {
	if (opening.era === 'legacy') return initialize(opening);
	const modern = await discover(opening);
	if (modern !== undefined) return modern;
	if (opening.era === 'auto') return initialize(opening);
	throw new PortcullisError('PC_UPSTREAM_INVALID', { detail: 'the server does not speak the configured revision' });
}

async function discover(opening: Opening): Promise<UpstreamInfo | undefined> {
	const params = objectText({ _meta: objectText(modernMeta(opening.profile)) });
	const patience = opening.probeMs === undefined ? undefined : AbortSignal.timeout(opening.probeMs);
	const shake = handshake(opening, 'server/discover', params, modernHeaders('server/discover'));
	const request = { ...shake, signal: patience };
	const ask = () => opening.wire.request(request).catch((error: unknown) => legacyVerdict(error, patience));
	const first = await ask();
	// A server that knows our revision and still refuses it is asked once more, as it demands.
	const answer = first !== undefined && refusesRevision(first) ? await ask() : first;
	const result = asObject(answer?.value['result']);
	const supported = result?.['supportedVersions'];
	if (answer === undefined || !Array.isArray(supported)) return undefined;
	const revision = MODERN_REVISIONS.find((candidate) => supported.includes(candidate));
	if (revision === undefined) return undefined;
	opening.wire.settle(revision);
	const info = describe(answer, { era: 'modern', revision });
	watchLists(opening, info.capabilities);
	return info;
}

function watchLists({ wire, profile }: Opening, capabilities: JsonObject): void {
	if (listsTold(capabilities).length > 0) void wire.watch(listenParams(capabilities, profile, []));
}

/** The lists whose changes a server with these capabilities tells. */
export function listsTold(capabilities: JsonObject): readonly ChangedList[] {
	return ALL_LISTS.filter((list) => asObject(capabilities[list])?.['listChanged'] === true);
}

/** `params` of `subscriptions/listen`: every list the server tells of, and these resources. */
export function listenParams(capabilities: JsonObject, profile: string, uris: readonly string[]): string {
	const lists = listsTold(capabilities).map((list) => [CHANGED_LISTS[list].filter, true] as const);
	const filter = [...lists, ...(uris.length > 0 ? [[RESOURCE_FILTER, uris] as const] : [])];
	const notifications = JSON.stringify(Object.fromEntries(filter));
	return objectText({ notifications, _meta: objectText(modernMeta(profile)) });
}

const REVISION_UNSUPPORTED = -32022;

function refusesRevision({ value }: WireResponse): boolean {
	const error = asObject(value['error']);
	const supported = asObject(error?.['data'])?.['supported'];
	const isOurs = Array.isArray(supported) && supported.some((revision) => MODERN_REVISIONS.includes(String(revision)));
	return error?.['code'] === REVISION_UNSUPPORTED && isOurs;
}

// An unrecognised 4xx, a body that is no JSON-RPC, or silence on stdio says "not modern"; all else is no verdict.
function legacyVerdict(error: unknown, patience: AbortSignal | undefined): undefined {
	const code = errorCode(error);
	if (patience?.aborted === true && code === 'PC_CALL_CANCELLED') return undefined;
	if (code !== 'PC_UPSTREAM_INVALID' && code !== 'PC_UPSTREAM_SESSION_LOST') throw error;
	return undefined;
}

async function initialize(opening: Opening): Promise<UpstreamInfo> {
	const params = `{"protocolVersion":"${NEWEST.legacy}","capabilities":${opening.profile},"clientInfo":${CLIENT_INFO}}`;
	const answer = await opening.wire.request(handshake(opening, 'initialize', params, {}));
	const revision = asObject(answer.value['result'])?.['protocolVersion'];
	if (typeof revision !== 'string' || !LEGACY_REVISIONS.includes(revision)) {
		throw new PortcullisError('PC_UPSTREAM_INVALID', { detail: 'initialize was answered without a known revision' });
	}
	opening.wire.settle(revision);
	await opening.wire.notify('notifications/initialized', '{}');
	return describe(answer, { era: 'legacy', revision });
}

function handshake(opening: Opening, method: string, params: string, headers: Record<string, string>): WireRequest {
	return { method, paramsFor: () => params, headers, stamp: opening.stamp, signal: undefined };
}

function describe(answer: WireResponse, spoken: { era: Era; revision: string }): UpstreamInfo {
	const result = asObject(answer.value['result']) ?? {};
	const instructions = result['instructions'];
	return {
		...spoken,
		capabilities: asObject(result['capabilities']) ?? {},
		serverInfo: serverInfoText(answer.text),
		instructions: typeof instructions === 'string' ? instructions : undefined,
	};
}

// Legacy servers name themselves in the result, modern ones in its `_meta`.
function serverInfoText(text: string): string {
	const result = memberOf(text, 'result');
	const own = result && memberOf(text, 'serverInfo', result.start);
	if (own !== undefined) return sliceOf(text, own);
	const meta = result && memberOf(text, '_meta', result.start);
	const info = meta && memberOf(text, META.serverInfo, meta.start);
	return info === undefined ? '{}' : sliceOf(text, info);
}
