import { STATUS_CODES } from 'node:http';
import * as z from 'zod';
import { API_ROOT } from '../edge/protected-resource.ts';
import type { Authorization } from './decide-access.ts';
import { PROBLEM_TYPE, PROBLEM_URN } from './problem.ts';
import { demandsMatch, type Route, templateOf } from './route.ts';

/** JSON of a document or a part of one. */
export type Json = Readonly<Record<string, unknown>>;

/** The OpenAPI 3.1 document of these operations. */
export function buildDocument(routes: readonly Route[]): Json {
	const named = createNamedSchemas();
	const paths: Record<string, Record<string, Json>> = {};
	for (const route of routes) {
		const path = templateOf(route.path);
		paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, named) };
	}
	return {
		openapi: '3.1.0',
		info: {
			title: 'Portcullis management API',
			version: '1',
			description:
				'Conventions: docs/api.md. All answers carry X-Request-Id; all refusals are problem details (RFC 9457).',
		},
		servers: [{ url: API_ROOT }],
		security: [{ bearer: [] }],
		paths,
		components: {
			schemas: { Problem: PROBLEM, ...named.all() },
			responses: {
				Problem: {
					description: 'Refused, or failed',
					content: { [PROBLEM_TYPE]: { schema: ref('schemas', 'Problem') } },
				},
			},
			headers: { ETag: { description: 'Version of the resource, for If-Match.', schema: { type: 'string' } } },
			securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
		},
	};
}

const PROBLEM: Json = {
	type: 'object',
	required: ['type', 'title', 'status', 'detail', 'code', 'request_id'],
	properties: {
		type: { type: 'string', description: `${PROBLEM_URN}CODE` },
		title: { type: 'string' },
		status: { type: 'integer' },
		detail: { type: 'string', description: 'One sentence that says what to do.' },
		code: { type: 'string', description: 'Stable; see docs/errors.md.' },
		request_id: { type: 'string' },
		errors: {
			type: 'array',
			description: 'Each thing that is wrong with the input.',
			items: {
				type: 'object',
				required: ['path', 'message'],
				properties: { path: { type: 'string' }, message: { type: 'string' } },
			},
		},
	},
};

function ref(kind: string, name: string): Json {
	return { $ref: `#/components/${kind}/${name}` };
}

interface NamedSchemas {
	/** JSON Schema of what is sent (`input`) or answered (`output`); parts with an id of their own are references. */
	schemaOf(schema: z.ZodType, io: 'input' | 'output'): Json;
	all(): Json;
}

function createNamedSchemas(): NamedSchemas {
	const found: Record<string, unknown> = {};
	const keep = (id: string, schema: unknown): void => {
		// One id for two schemas would describe one of them wrongly; what has defaults differs by direction.
		const isOther = id in found && JSON.stringify(found[id]) !== JSON.stringify(schema);
		if (isOther) throw new Error(`two schemas are called ${id}`);
		found[id] = schema;
	};
	return {
		schemaOf(schema, io) {
			const text = JSON.stringify(z.toJSONSchema(schema, { io }));
			const { $schema, $defs, ...rest } = JSON.parse(text.replaceAll('"#/$defs/', '"#/components/schemas/'));
			for (const [id, part] of Object.entries($defs ?? {})) keep(id, part);
			return rest;
		},
		all: () => found,
	};
}

function operationOf(route: Route, named: NamedSchemas): Json {
	const { id, summary, body, responses } = route;
	const answers = Object.entries(responses).map(([status, schema]) => [status, responseOf(status, schema, named)]);
	const problems = problemStatuses(route).map((status) => [String(status), ref('responses', 'Problem')]);
	return {
		operationId: id,
		summary,
		description: audienceOf(route.authorize),
		parameters: [...pathParameters(route, named), ...queryParameters(route, named), ...headerParameters(route)],
		...(body && {
			requestBody: { required: true, content: { 'application/json': { schema: named.schemaOf(body, 'input') } } },
		}),
		responses: { ...Object.fromEntries([...answers, ...problems]), default: ref('responses', 'Problem') },
	};
}

function audienceOf(authorize: Authorization): string {
	if (authorize === 'signed-in') return 'For everybody who is signed in.';
	if (authorize === 'administrator') return 'For everybody who administrates a workspace.';
	if (authorize === 'platform-admin') return 'For platform administrators.';
	const people = `For those who hold at least ${authorize.workspace} in the workspace`;
	return authorize.apiKeys === 'refused' ? `${people}; not with an API key.` : `${people}.`;
}

function problemStatuses(route: Route): readonly number[] {
	return [
		...[400, 401],
		...(route.authorize === 'signed-in' ? [] : [403]),
		...(Object.keys(route.params).length === 0 ? [] : [404]),
		...(route.body === undefined ? [] : [409, 413, 415]),
		...(demandsMatch(route) ? [412, 428] : []),
		...(route.idempotency === undefined ? [] : [422]),
		503,
	];
}

function responseOf(status: string, schema: z.ZodType | null, named: NamedSchemas): Json {
	const described = { description: STATUS_CODES[status] ?? status };
	const location = { description: 'Address of what was created.', schema: { type: 'string' } };
	const created = status === '201' ? { Location: location } : {};
	if (schema === null) return { ...described, headers: created };
	const versioned = schema instanceof z.ZodObject && 'version' in schema.shape ? { ETag: ref('headers', 'ETag') } : {};
	const content = { 'application/json': { schema: named.schemaOf(schema, 'output') } };
	return { ...described, headers: { ...created, ...versioned }, content };
}

function pathParameters({ params }: Route, named: NamedSchemas): readonly Json[] {
	return Object.entries(params).map(([name, schema]) => {
		return { name, in: 'path', required: true, schema: named.schemaOf(schema, 'input') };
	});
}

function queryParameters({ query }: Route, named: NamedSchemas): readonly Json[] {
	const { properties = {}, required = [] } = named.schemaOf(query, 'input') as {
		properties?: Readonly<Record<string, Json>>;
		required?: readonly string[];
	};
	return Object.entries(properties).map(([name, { description, ...schema }]) => {
		return {
			name,
			in: 'query',
			required: required.includes(name),
			...(description !== undefined && { description }),
			schema,
		};
	});
}

function headerParameters(route: Route): readonly Json[] {
	const header = (name: string, description: string): Json => {
		return { name, in: 'header', required: false, description, schema: { type: 'string' } };
	};
	return [
		...(route.idempotency === undefined
			? []
			: [header('Idempotency-Key', 'The same request with the same key is carried out once within 24 hours.')]),
		...(demandsMatch(route)
			? [
					header('If-Match', 'ETag of the version that is meant, or * for any; one of the two headers is required.'),
					header('If-None-Match', '* where there must be nothing yet.'),
				]
			: []),
	];
}
