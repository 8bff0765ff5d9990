import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { buildDocument, type Json } from './build-document.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';
import { createRoutes } from './routes.ts';

// Only looked at, never asked.
const ROUTES = createRoutes({} as ResourceParts);

const PINNED = new URL('../../docs/openapi.json', import.meta.url);

/** Places of a body at which an object takes members it does not name. */
function laxPlaces(schema: unknown, at: string): readonly string[] {
	if (typeof schema !== 'object' || schema === null) return [];
	const { type, additionalProperties } = schema as Json;
	const isLax = type === 'object' && additionalProperties === undefined;
	const below = Object.entries(schema).flatMap(([name, part]) => laxPlaces(part, `${at}.${name}`));
	return isLax ? [at, ...below] : below;
}

function laxBodies(routes: readonly Route[]): readonly string[] {
	return routes.flatMap(({ id, body }) =>
		body === undefined ? [] : laxPlaces(z.toJSONSchema(body, { io: 'input' }), id),
	);
}

describe('the operations of the management API', () => {
	it('are described by docs/openapi.json; UPDATE=1 writes it anew', () => {
		const text = `${JSON.stringify(buildDocument(ROUTES), null, '\t')}\n`;
		if (process.env['UPDATE'] === '1') writeFileSync(PINNED, text);
		expect(existsSync(PINNED) ? readFileSync(PINNED, 'utf8') : '').toBe(text);
	});

	it('have each an id and an address of their own', () => {
		const ids = ROUTES.map(({ id }) => id);
		expect(new Set(ids).size).toBe(ids.length);
		const addresses = ROUTES.map(({ method, path }) => `${method} ${path.replace(/:[A-Za-z]+/g, ':')}`);
		expect(new Set(addresses).size).toBe(addresses.length);
	});

	it('take no members that their bodies do not name', () => expect(laxBodies(ROUTES)).toEqual([]));
});

describe('the rule about bodies', () => {
	const route = (body: z.ZodType) =>
		defineRoute({
			...{ id: 'x', method: 'POST', path: '/x', summary: 'Planted', authorize: 'signed-in', body },
			responses: { 204: null },
			handle: (_context) => ({ status: 204 }),
		});

	it('finds objects that take anything, however deep', () => {
		expect(laxBodies([route(z.strictObject({ a: z.array(z.object({ b: z.string() })) }))])).toEqual([
			'x.properties.a.items',
		]);
		expect(laxBodies([route(z.strictObject({ a: z.record(z.string(), z.string()) }))])).toEqual([]);
	});
});
