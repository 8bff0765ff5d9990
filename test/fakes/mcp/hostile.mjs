/** Hostile ways to write an answer that every build shares. Runs under plain node. */
import { answerText } from './rpc.mjs';

/**
 * Tells whether the hostility is meant for this JSON-RPC method (no list: for every method).
 *
 * @param {{ methods?: readonly string[] } | undefined} hostile
 * @param {string | undefined} method
 */
export function appliesTo(hostile, method) {
	if (!hostile) return false;
	return hostile.methods === undefined || (method !== undefined && hostile.methods.includes(method));
}

/** @param {number} bytes */
function hugeNotification(bytes) {
	const params = { level: 'info', data: 'x'.repeat(bytes) };
	return JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params });
}

/**
 * The messages to send instead of one answer.
 *
 * @param {import('./behaviour.mjs').Hostile | undefined} hostile
 * @param {import('./behaviour.mjs').Answer} answer
 * @returns {string[]}
 */
export function distort(hostile, answer) {
	const text = answerText(answer.id, answer.payload);
	switch (hostile?.kind) {
		case 'wrong-id':
			return [answerText(typeof answer.id === 'number' ? answer.id + 1 : `wrong-${answer.id}`, answer.payload)];
		case 'twice':
			return [text, text];
		case 'truncated-json':
			return [text.slice(0, text.length / 2)];
		case 'huge-event':
			return [hugeNotification(hostile.bytes), text];
		case 'never':
			return [];
		default:
			return [text];
	}
}
