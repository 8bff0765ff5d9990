import { PortcullisError } from '../errors/portcullis-error.ts';
import { type Member, membersOf } from '../lib/json-text.ts';
import { asObject, type Call, type JsonObject, type JsonRpcId } from './call.ts';
import { checkEnvelope, claimedRevision } from './modern/envelope.ts';
import { ASSUMED_LEGACY_REVISION, type Era, eraOf, LEGACY_REVISIONS } from './revisions.ts';

const MAX_ID_LENGTH = 128;
/** Methods go into audit and log as they are, so a caller must not be able to put more there than a name. */
const MAX_METHOD_LENGTH = 128;

/** A message's text and the headers it came with (lower-case names, MCP's own only). */
export interface RawMessage {
	readonly text: string;
	readonly value: unknown;
	readonly headers: ReadonlyMap<string, string>;
}

/**
 * Classifies one JSON-RPC message by its body, with the headers as a cross-check (mcp 2026-07-28: basic/versioning): a
 * version claim in `_meta` makes it modern, everything else is legacy.
 */
export function readMessage(raw: RawMessage): Call {
	const message = asObject(raw.value);
	if (message === undefined || message['jsonrpc'] !== '2.0') throw new PortcullisError('PC_MESSAGE_INVALID');
	const members = membersOf(raw.text);
	const idText = readIdText(raw.text, message, members);
	const kind = kindOf(message, idText);
	const params = readParams(message, idText);
	const method = kind === 'response' ? '' : (message['method'] as string);
	const { era, revision } = classify({ kind, method, params, idText, headers: raw.headers });
	return {
		kind,
		era,
		revision,
		method,
		id: message['id'] as JsonRpcId | undefined,
		idText,
		params,
		text: raw.text,
		paramsSpan: members.find(({ key }) => key === 'params'),
		sessionId: era === 'legacy' ? raw.headers.get('mcp-session-id') : undefined,
		headers: raw.headers,
	};
}

function readIdText(text: string, message: JsonObject, members: readonly Member[]): string {
	const id = message['id'];
	if (id === undefined) return 'null';
	const fits = typeof id === 'string' ? id.length <= MAX_ID_LENGTH : Number.isSafeInteger(id);
	if (!fits) throw new PortcullisError('PC_ID_INVALID');
	const member = members.find(({ key }) => key === 'id');
	return member === undefined ? JSON.stringify(id) : text.slice(member.start, member.end);
}

function kindOf(message: JsonObject, idText: string): Call['kind'] {
	const method = message['method'];
	const isCall = typeof method === 'string' && method !== '' && method.length <= MAX_METHOD_LENGTH;
	const isResponse = message['result'] !== undefined || message['error'] !== undefined;
	if (isCall && !isResponse) return message['id'] === undefined ? 'notification' : 'request';
	if (isResponse && method === undefined && message['id'] !== undefined) return 'response';
	throw new PortcullisError('PC_MESSAGE_INVALID', { idText });
}

function readParams(message: JsonObject, idText: string): JsonObject {
	if (message['params'] === undefined) return {};
	const params = asObject(message['params']);
	if (params === undefined) throw new PortcullisError('PC_PARAMS_INVALID', { idText });
	return params;
}

interface Subject {
	readonly kind: Call['kind'];
	readonly method: string;
	readonly params: JsonObject;
	readonly idText: string;
	readonly headers: ReadonlyMap<string, string>;
}

function classify(subject: Subject): { era: Era; revision: string } {
	const header = subject.headers.get('mcp-protocol-version');
	const claim = claimedRevision(subject.params);
	const headerIsModern = header !== undefined && eraOf(header) === 'modern';
	if (subject.kind === 'request' && (claim !== undefined || (headerIsModern && subject.method !== 'initialize'))) {
		checkEnvelope(subject);
		return { era: 'modern', revision: claim as string };
	}
	if (subject.kind === 'notification' && headerIsModern) return { era: 'modern', revision: header };
	return { era: 'legacy', revision: legacyRevision(subject, header) };
}

// `initialize` negotiates in its body, so its header, which some clients send, decides nothing.
function legacyRevision(subject: Subject, header: string | undefined): string {
	if (subject.method === 'initialize' || header === undefined) return ASSUMED_LEGACY_REVISION;
	if (LEGACY_REVISIONS.includes(header)) return header;
	throw new PortcullisError('PC_LEGACY_REVISION_UNSUPPORTED', {
		idText: subject.idText,
		data: { supported: LEGACY_REVISIONS },
	});
}
