import type { AttachCredential } from '../credentials/attach-credential.ts';
import { objectText } from '../lib/json-text.ts';
import { type Answer, emptyAnswer, messageAnswer } from '../mcp/answer.ts';
import { type JsonObject, successText } from '../mcp/call.ts';
import { newClaim, type SessionIds } from '../mcp/legacy/session.ts';
import { META } from '../mcp/modern/envelope.ts';
import { type Era, MODERN_REVISIONS, negotiateLegacy } from '../mcp/revisions.ts';
import type { LocalRoute } from '../router/route.ts';
import type { ClientSessions } from './client-sessions.ts';
import type { ClientSubscriptions } from './client-subscriptions.ts';
import type { ForwardRequest } from './forward-request.ts';
import type { UpstreamInfo } from './open-session.ts';
import type { Sessions } from './sessions.ts';

/** What local answers are made with. */
export interface LocalParts {
	readonly sessions: Sessions;
	readonly clients: ClientSessions;
	readonly subscriptions: ClientSubscriptions;
	readonly sessionIds: SessionIds;
	readonly attach: AttachCredential;
}

type LocalRequest = ForwardRequest<LocalRoute>;

const ABOUT_AGGREGATE: Pick<UpstreamInfo, 'capabilities' | 'serverInfo' | 'instructions'> = {
	capabilities: {
		tools: { listChanged: true },
		prompts: { listChanged: true },
		resources: { listChanged: true, subscribe: true },
		completions: {},
		logging: {},
	},
	serverInfo: '{"name":"portcullis","title":"Portcullis","version":"0.1.0"}',
	instructions: undefined,
};

// Tools and nothing else.
const ABOUT_TOOLSET: typeof ABOUT_AGGREGATE = {
	...ABOUT_AGGREGATE,
	capabilities: { tools: { listChanged: true }, logging: {} },
};

/** What the gateway answers by itself: handshakes, pings, and notifications that are not the server's business. */
export async function localAnswer(parts: LocalParts, request: LocalRequest): Promise<Answer> {
	const { call, route } = request;
	switch (route.answer) {
		case 'initialize':
			return initialize(parts, request);
		case 'discover':
			return messageAnswer(successText(call.idText, discoverResult(await about(parts, request))));
		case 'pong':
			return messageAnswer(successText(call.idText, '{}'));
		case 'set-level':
			parts.clients.setLogLevel(route.session, call);
			return messageAnswer(successText(call.idText, '{}'));
		case 'cancel':
			parts.clients.cancel(route.session, call);
			return emptyAnswer(202);
		case 'unsubscribe':
			parts.subscriptions.unsubscribe(route.session, String(call.params['uri']));
			return messageAnswer(successText(call.idText, '{}'));
		case 'accepted':
			if (call.kind === 'response') parts.clients.answer(route.session, call);
			return emptyAnswer(202);
		case 'session-ended':
			parts.clients.end(route.session);
			parts.subscriptions.end(route.session);
			if (route.session !== undefined) parts.sessionIds.end(route.session);
			return emptyAnswer(200);
	}
}

type About = typeof ABOUT_AGGREGATE;

async function about(parts: LocalParts, { principal, route, call }: LocalRequest): Promise<About> {
	const server = route.servers[0];
	if (route.address.kind === 'toolset') return ABOUT_TOOLSET;
	if (route.address.kind !== 'server' || server === undefined) return ABOUT_AGGREGATE;
	const credential = await parts.attach(principal, server);
	const info = await parts.sessions.infoOf({ server, credential });
	return { ...info, capabilities: deliverable(info, call.era) };
}

// Only what this address can keep.
function deliverable(info: UpstreamInfo, era: Era): JsonObject {
	const { tasks: _tasks, extensions, experimental, ...common } = info.capabilities;
	// Methods that nobody described pass only between two sides of one era.
	const special = {
		...(extensions !== undefined && { extensions }),
		...(experimental !== undefined && { experimental }),
	};
	return info.era === era ? { ...common, ...special } : common;
}

// The session id costs nothing to keep and lets a later cancellation or log level name its own calls.
async function initialize(parts: LocalParts, request: LocalRequest): Promise<Answer> {
	const { call, route, principal } = request;
	const { capabilities, serverInfo, instructions } = await about(parts, request);
	const result = objectText({
		protocolVersion: JSON.stringify(negotiateLegacy(call.params['protocolVersion'])),
		capabilities: JSON.stringify(capabilities),
		serverInfo,
		...(instructions !== undefined && { instructions: JSON.stringify(instructions) }),
	});
	const revision = route.address.kind === 'server' ? (route.servers[0]?.revision ?? '') : '';
	const claim = newClaim({ principal, address: route.address, revision, upstream: undefined, profile: route.profile });
	return messageAnswer(successText(call.idText, result), { 'mcp-session-id': parts.sessionIds.mint(claim) });
}

function discoverResult({ capabilities, serverInfo, instructions }: About): string {
	return objectText({
		supportedVersions: JSON.stringify(MODERN_REVISIONS),
		capabilities: JSON.stringify(capabilities),
		...(instructions !== undefined && { instructions: JSON.stringify(instructions) }),
		resultType: '"complete"',
		ttlMs: '0',
		cacheScope: '"private"',
		_meta: objectText({ [META.serverInfo]: serverInfo }),
	});
}
