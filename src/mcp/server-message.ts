import { asObject, type JsonObject } from './call.ts';

/** One message of a server: a JSON object, or `undefined` for anything else. */
export function parseMessage(text: string): JsonObject | undefined {
	try {
		return asObject(JSON.parse(text));
	} catch {
		return undefined;
	}
}

/** Whether a message answers a request: it has a result or an error, and is no request itself. */
export function isResponse(message: JsonObject): boolean {
	return message['method'] === undefined && (message['result'] !== undefined || message['error'] !== undefined);
}
