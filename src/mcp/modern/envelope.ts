import { PortcullisError } from '../../errors/portcullis-error.ts';
import { asObject, type JsonObject } from '../call.ts';
import { mirroredMember } from '../methods.ts';
import { MODERN_REVISIONS } from '../revisions.ts';

/** `_meta` keys of the per-request envelope (mcp 2026-07-28: basic, request metadata). */
export const META = {
	protocolVersion: 'io.modelcontextprotocol/protocolVersion',
	clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
	clientInfo: 'io.modelcontextprotocol/clientInfo',
	logLevel: 'io.modelcontextprotocol/logLevel',
	serverInfo: 'io.modelcontextprotocol/serverInfo',
	subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;

/** The revision a message claims in its `_meta`, or `undefined`: without a claim a message is legacy. */
export function claimedRevision(params: JsonObject): string | undefined {
	const claim = asObject(params['_meta'])?.[META.protocolVersion];
	return typeof claim === 'string' ? claim : undefined;
}

/** A request's method, parameters and headers, as far as the envelope rules look at them. */
export interface EnvelopeSubject {
	readonly method: string;
	readonly params: JsonObject;
	readonly headers: ReadonlyMap<string, string>;
	readonly idText: string;
}

/**
 * Checks a modern request's envelope and its mirrored headers (mcp 2026-07-28: basic/transports, standard headers).
 * Throws PC_HEADER_MISMATCH, PC_REVISION_UNSUPPORTED or PC_ENVELOPE_INVALID.
 */
export function checkEnvelope(subject: EnvelopeSubject): void {
	const meta = asObject(subject.params['_meta']) ?? {};
	const claim = claimedRevision(subject.params);
	if (claim === undefined)
		throw envelopeFault(subject, asObject(subject.params['_meta']) ? META.protocolVersion : '_meta');
	checkMirror(subject, 'mcp-protocol-version', claim);
	if (!MODERN_REVISIONS.includes(claim)) throw revisionFault(subject, claim);
	if (!asObject(meta[META.clientCapabilities])) throw envelopeFault(subject, META.clientCapabilities);
	checkMirror(subject, 'mcp-method', subject.method);
	checkName(subject);
}

function checkName(subject: EnvelopeSubject): void {
	const member = mirroredMember(subject.method);
	const value = member === undefined ? undefined : subject.params[member];
	if (typeof value === 'string') checkMirror(subject, 'mcp-name', value);
}

function checkMirror(subject: EnvelopeSubject, header: string, expected: string): void {
	const sent = subject.headers.get(header);
	if (sent !== undefined && decodeHeaderText(sent) === expected) return;
	throw new PortcullisError('PC_HEADER_MISMATCH', { idText: subject.idText, data: { header } });
}

function envelopeFault(subject: EnvelopeSubject, missing: string): PortcullisError {
	return new PortcullisError('PC_ENVELOPE_INVALID', {
		idText: subject.idText,
		data: { envelope: { missing: [missing] } },
	});
}

function revisionFault(subject: EnvelopeSubject, requested: string): PortcullisError {
	const data = { supported: MODERN_REVISIONS, requested };
	return new PortcullisError('PC_REVISION_UNSUPPORTED', { idText: subject.idText, data });
}

const ENCODED = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/;
const PLAIN = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/** Text of an `Mcp-Name` or `Mcp-Param-*` value: plain ASCII or `=?base64?…?=` around UTF-8; `undefined`: broken. */
export function decodeHeaderText(value: string): string | undefined {
	if (!value.includes('=?')) return value.trim();
	const encoded = ENCODED.exec(value.trim());
	if (encoded === null) return value.trim();
	const bytes = Buffer.from(encoded[1] as string, 'base64');
	return bytes.toString('base64') === encoded[1] ? bytes.toString('utf8') : undefined;
}

/** The inverse: plain where the text is printable ASCII without outer spaces, base64 otherwise. */
export function encodeHeaderText(text: string): string {
	const plain = PLAIN.test(text) && !ENCODED.test(text);
	return plain ? text : `=?base64?${Buffer.from(text, 'utf8').toString('base64')}?=`;
}
