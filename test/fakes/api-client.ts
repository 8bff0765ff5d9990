import { expect } from 'vitest';
import { ERRORS, type ErrorCode } from '../../src/errors/table.ts';
import type { ApiTold, Asked } from './admin-plane.ts';
import type { ManagedGateway } from './managed-gateway.ts';

/** Asks the management API of a gateway over the network. */
export interface ApiClient {
	/** `as`: a token; nobody's unless told. */
	ask(asked: Asked): Promise<ApiTold>;
	/** All items of a list, page after page. */
	all(asked: Asked): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** A client of this gateway; `as` names groups, joined by commas. */
export function createApiClient(gateway: ManagedGateway): ApiClient {
	const ask: ApiClient['ask'] = async ({ method = 'GET', path, as = '', headers, body }) => {
		const response = await fetch(`${gateway.url}/api/v1${path}`, {
			method,
			headers: {
				...(as !== '' && { authorization: `Bearer ${gateway.tokenFor(as.split(','))}` }),
				...(body !== undefined && { 'content-type': 'application/json' }),
				...headers,
			},
			...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
		});
		const text = await response.text();
		const told = Object.fromEntries(response.headers);
		return { status: response.status, headers: told, text, json: text === '' ? undefined : JSON.parse(text) };
	};
	const all: ApiClient['all'] = async (asked) => {
		const items: Readonly<Record<string, unknown>>[] = [];
		for (let cursor = ''; ; ) {
			const joint = asked.path.includes('?') ? '&' : '?';
			const { json, text } = await ask({ ...asked, path: asked.path + (cursor && `${joint}cursor=${cursor}`) });
			expect(json?.items, text).toBeDefined();
			items.push(...json.items);
			if (json.next === undefined) return items;
			cursor = json.next;
		}
	};
	return { ask, all };
}

/** Expects a problem with this code. */
export function expectProblem(told: ApiTold, code: ErrorCode): void {
	expect(told.json, told.text).toMatchObject({ code, detail: ERRORS[code].sentence });
	expect(told.headers['content-type']).toBe('application/problem+json');
}
