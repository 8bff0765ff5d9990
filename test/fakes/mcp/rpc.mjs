/** JSON-RPC words of the fixture: errors, answers as raw text. Runs under plain node. */

/** An error the fixture answers; `code` is the JSON-RPC code, `status` the HTTP status of the modern build. */
export class RpcError extends Error {
	/**
	 * @param {number} code
	 * @param {string} message
	 * @param {{ data?: unknown, status?: number }} [more]
	 */
	constructor(code, message, { data, status = 200 } = {}) {
		super(message);
		this.code = code;
		this.data = data;
		this.status = status;
	}
}

/** A result given as JSON text, for what JSON.stringify cannot write (big numbers, `1.0`). */
export class RawResult {
	/** @param {string} text */
	constructor(text) {
		this.text = text;
	}
}

/**
 * One JSON-RPC response as text; `payload` is `"result":…` or `"error":…`.
 *
 * @param {unknown} id
 * @param {string} payload
 */
export function answerText(id, payload) {
	return `{"jsonrpc":"2.0","id":${JSON.stringify(id ?? null)},${payload}}`;
}

/** @param {unknown} result */
export function resultPayload(result) {
	return `"result":${result instanceof RawResult ? result.text : JSON.stringify(result)}`;
}

/** @param {RpcError} error */
export function errorPayload({ code, message, data }) {
	return `"error":${JSON.stringify({ code, message, ...(data === undefined ? {} : { data }) })}`;
}
