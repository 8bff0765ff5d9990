/** The request states of the modern build: signed, bound to their call, and good for ten minutes. Runs under plain node. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { RpcError } from './rpc.mjs';

const LIFETIME_MS = 600_000;

/**
 * @param {Buffer} key
 * @param {string} payload
 */
export const seal = (key, payload) => createHmac('sha256', key).update(payload).digest('base64url');

/** @returns {never} */
export function refuseState() {
	throw new RpcError(-32602, 'Invalid or expired requestState', { data: { reason: 'invalid_request_state' } });
}

/**
 * The payload of a sealed text; refuses one that this key did not seal.
 *
 * @param {Buffer} key
 * @param {string} sealed
 */
export function openSealed(key, sealed) {
	const [payload = '', mac = ''] = sealed.split('.');
	const expected = Buffer.from(seal(key, payload));
	const given = Buffer.from(mac);
	if (given.length !== expected.length || !timingSafeEqual(given, expected)) refuseState();
	return payload;
}

/**
 * The same text for the same value, whatever the order of its keys.
 *
 * @param {unknown} value
 * @returns {string}
 */
function canonical(value) {
	if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
	if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
	const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
	return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(',')}}`;
}

/** @param {{ method: string, params: any }} request */
function callOf({ method, params }) {
	const call = canonical({ method, name: params.name, arguments: params.arguments ?? {} });
	return createHash('sha256').update(call).digest('base64url');
}

/**
 * @typedef {{ round: number, answers: Record<string, any> }} Progress
 * @param {Buffer} key
 * @param {any} request
 * @param {Progress} progress
 */
export function mintState(key, request, progress) {
	const content = JSON.stringify({ ...progress, call: callOf(request), until: Date.now() + LIFETIME_MS });
	const payload = Buffer.from(content).toString('base64url');
	return `${payload}.${seal(key, payload)}`;
}

/**
 * @param {Buffer} key
 * @param {any} request
 * @returns {Progress}
 */
export function readState(key, request) {
	const payload = openSealed(key, String(request.params.requestState ?? ''));
	const { call, until, round, answers } = JSON.parse(Buffer.from(payload, 'base64url').toString());
	if (call !== callOf(request) || until < Date.now()) refuseState();
	return { round, answers };
}
