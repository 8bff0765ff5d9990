import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type ApiTold, type Asked, startTestPlane, type TestPlane } from '../../test/fakes/admin-plane.ts';
import { ERRORS, type ErrorCode } from '../errors/table.ts';
import { requireMatch } from './precondition.ts';
import { defineRoute } from './route.ts';

const CANARY = 'canary-5d1c';
const THINGS = '/workspaces/:workspace/things';
const THING = z.strictObject({ name: z.string(), version: z.int() });
const BODY = z.strictObject({
	name: z.string().max(20),
	count: z.int().optional(),
	workspace: z.string().optional(),
	inner: z.strictObject({ kind: z.enum(['big', 'small']) }).optional(),
});

const made: string[] = [];

const ROUTES = [
	defineRoute({
		...{ id: 'createThing', method: 'POST', path: THINGS, summary: 'Makes a thing' },
		authorize: { workspace: 'write' },
		body: BODY,
		responses: { 201: THING },
		handle({ body: { name } }) {
			made.push(name);
			return { status: 201, body: { name, version: 1 }, location: `/workspaces/google/things/${name}` };
		},
	}),
	defineRoute({
		...{ id: 'readThing', method: 'GET', path: `${THINGS}/:thing`, summary: 'Reads a thing' },
		authorize: { workspace: 'read' },
		params: { thing: z.string().regex(/^[a-z./]{1,9}$/) },
		responses: { 200: THING },
		handle: ({ params: { thing } }) => ({ status: 200, body: { name: thing, version: 3 } }),
	}),
	defineRoute({
		...{ id: 'changeThing', method: 'PUT', path: `${THINGS}/:thing`, summary: 'Changes a thing' },
		authorize: { workspace: 'write' },
		responses: { 204: null },
		handle({ params, precondition }) {
			requireMatch(precondition, params.thing === 'absent' ? undefined : { version: 3 });
			return { status: 204 };
		},
	}),
	defineRoute({
		...{ id: 'leak', method: 'GET', path: '/leak', summary: 'Answers what it does not promise' },
		authorize: 'signed-in',
		responses: { 200: THING },
		handle: () => ({ status: 200, body: { name: 'x', version: 1, secret: CANARY } }),
	}),
	defineRoute({
		...{ id: 'fail', method: 'DELETE', path: '/fail', summary: 'Fails' },
		authorize: 'signed-in',
		responses: { 204: null },
		handle: (_context) => Promise.reject(new Error(CANARY)),
	}),
	defineRoute({
		...{ id: 'wait', method: 'GET', path: '/wait', summary: 'Waits for ever' },
		authorize: 'signed-in',
		responses: { 204: null },
		handle: ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
	}),
	defineRoute({
		...{ id: 'sleep', method: 'POST', path: '/sleep', summary: 'Hears nothing' },
		authorize: 'signed-in',
		responses: { 204: null },
		handle: (_context) => new Promise(() => undefined),
	}),
];

let plane: TestPlane;

beforeAll(async () => {
	plane = await startTestPlane({ routes: ROUTES, timeoutMs: 20 });
});
afterAll(() => plane.close());

const create = (body: unknown, more: Partial<Asked> = {}) =>
	plane.ask({ method: 'POST', path: '/workspaces/google/things', body, ...more });

function expectProblem(told: ApiTold, code: ErrorCode, more: object = {}): void {
	const { http, sentence } = ERRORS[code];
	expect(told.json, told.text).toEqual({
		...{ type: `urn:portcullis:error:${code}`, title: expect.any(String), status: http, detail: sentence, code },
		request_id: told.headers['x-request-id'],
		...more,
	});
	expect(told.status).toBe(http);
	expect(told.headers['content-type']).toBe('application/problem+json');
	expect(told.headers['cache-control']).toBe('no-store');
}

const errors = (...faults: readonly (readonly [string, unknown])[]) => ({
	errors: faults.map(([path, message]) => ({ path, message })),
});

describe('an answer', () => {
	it('carries request id, ETag of its version, and where the new thing is', async () => {
		const told = await create({ name: 'lamp' });
		expect(told).toMatchObject({ status: 201, json: { name: 'lamp', version: 1 } });
		expect(told.headers).toMatchObject({
			...{ etag: '"1"', location: '/api/v1/workspaces/google/things/lamp', 'cache-control': 'no-store' },
			'content-type': 'application/json',
		});
		expect(told.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
	});

	it('without a body has none', async () => {
		const path = '/workspaces/google/things/lamp';
		const told = await plane.ask({ method: 'PUT', path, headers: { 'if-match': '*' } });
		expect(told).toMatchObject({ status: 204, text: '' });
		expect(told.headers).not.toHaveProperty('content-length');
	});

	it('that the operation does not promise never leaves, and neither do its values', async () => {
		const told = await plane.ask({ path: '/leak' });
		expectProblem(told, 'PC_INTERNAL');
		const [line] = plane.audit().filter(({ request }) => request === told.headers['x-request-id']);
		expect(line).toMatchObject({ outcome: 'refused', detail: expect.stringContaining('leak gave an answer') });
		expect(JSON.stringify([told.text, line])).not.toContain(CANARY);
	});

	it('of a foreign failure says nothing of it', async () => {
		const told = await plane.ask({ method: 'DELETE', path: '/fail', headers: { 'if-match': '*' } });
		expectProblem(told, 'PC_INTERNAL');
		expect(told.text).not.toContain(CANARY);
	});
});

describe('a path', () => {
	it('that no operation has is unknown, whoever asks', async () => {
		for (const path of ['/nothing', '/%zz', `/workspaces/google/things/${'x'.repeat(2_000)}`, '/workspaces/google']) {
			expectProblem(await plane.ask({ path }), 'PC_ADDRESS_UNKNOWN');
			expectProblem(await plane.ask({ path, as: '' }), 'PC_ADDRESS_UNKNOWN');
		}
	});

	it('says which methods it takes', async () => {
		const told = await plane.ask({ method: 'DELETE', path: '/workspaces/google/things/lamp' });
		expectProblem(told, 'PC_METHOD_NOT_ALLOWED');
		expect(told.headers['allow']).toBe('GET, PUT');
		expect((await plane.ask({ method: 'POST', path: '/openapi.json' })).headers['allow']).toBe('GET');
	});

	it('answers with a slash at its end, too, and decodes its names once', async () => {
		expect((await plane.ask({ path: '/workspaces/google/things/lamp/' })).status).toBe(200);
		expect((await plane.ask({ path: '/workspaces/google/things/a%2Fb' })).json.name).toBe('a/b');
		expectProblem(await plane.ask({ path: '/workspaces/google/things/a%252Fb' }), 'PC_NOT_FOUND');
	});

	it('with a name that nothing can have is as unknown as one that nothing has', async () => {
		expectProblem(await plane.ask({ path: '/workspaces/google/things/NO' }), 'PC_NOT_FOUND');
		expectProblem(await plane.ask({ path: '/workspaces/%20/things/lamp' }), 'PC_NOT_FOUND');
		expectProblem(await plane.ask({ path: '/workspaces/%20/things/lamp', as: 'operator' }), 'PC_NOT_FOUND');
	});
});

describe('input', () => {
	it('is told all that is wrong with it, without its values', async () => {
		const body = { name: CANARY.repeat(9), count: CANARY, inner: { kind: CANARY }, admin: CANARY };
		const told = await create(body);
		const { json } = told;
		expect(json.errors.map(({ path }: { path: string }) => path).sort()).toEqual([
			...['body.admin', 'body.count', 'body.inner.kind', 'body.name'],
		]);
		expectProblem(told, 'PC_INPUT_INVALID', { errors: json.errors });
		expect(told.text).not.toContain(CANARY);
	});

	it('refuses members and parameters it does not know', async () => {
		const unknown = await create({ name: 'x', inner: { kind: 'big', level: 'admin' } });
		expectProblem(unknown, 'PC_INPUT_INVALID', errors(['body.inner.level', 'is not known here']));
		const query = await plane.ask({ path: '/workspaces/google/things/lamp?x=1' });
		expectProblem(query, 'PC_INPUT_INVALID', errors(['query.x', 'is not known here']));
	});

	it('that names another workspace than its address is refused', async () => {
		expect((await create({ name: 'x', workspace: 'google' })).status).toBe(201);
		const other = await create({ name: 'x', workspace: 'microsoft' });
		expectProblem(other, 'PC_INPUT_INVALID', errors(['body.workspace', 'is not what the address names']));
	});

	it.each([
		['nothing', '', 'PC_JSON_INVALID'],
		['no JSON', '{"name":', 'PC_JSON_INVALID'],
		['a member twice', '{"name":"a","name":"b"}', 'PC_JSON_AMBIGUOUS'],
		['a member in two spellings', '{"name":"a","Name":"b"}', 'PC_JSON_AMBIGUOUS'],
		['a prototype', '{"name":"a","__proto__":{}}', 'PC_JSON_AMBIGUOUS'],
		['deep nesting', `{"name":${'['.repeat(40)}${']'.repeat(40)}}`, 'PC_JSON_TOO_DEEP'],
		['more than 256 KiB', JSON.stringify({ name: 'x'.repeat(256 * 1024) }), 'PC_BODY_TOO_LARGE'],
	] as const)('refuses %s', async (_name, body, code) => expectProblem(await create(body), code));

	it.each([
		['another media type', { 'content-type': 'text/plain' }],
		['a malformed media type', { 'content-type': 'nonsense' }],
		['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
		['another charset', { 'content-type': 'application/json; charset=latin1' }],
		['a compressed body', { 'content-encoding': 'gzip' }],
	])('refuses %s', async (_name, headers) => {
		expectProblem(await create({ name: 'x' }, { headers }), 'PC_MEDIA_TYPE');
	});

	it('is not looked at before it is known who asks, and whether they may', async () => {
		expectProblem(await create('{', { as: '' }), 'PC_TOKEN_MISSING');
		expectProblem(await create('{', { path: '/workspaces/microsoft/things' }), 'PC_NOT_FOUND');
	});
});

describe('a change', () => {
	const put = (headers: Readonly<Record<string, string>>, thing = 'lamp') =>
		plane.ask({ method: 'PUT', path: `/workspaces/google/things/${thing}`, headers });

	it('must say of which version', async () => {
		expectProblem(await put({}), 'PC_IF_MATCH_MISSING');
		expect((await put({ 'if-match': '"3"' })).status).toBe(204);
		expect((await put({ 'if-match': '"2", "3"' })).status).toBe(204);
		expect((await put({ 'if-match': '*' })).status).toBe(204);
	});

	it('of another version is refused', async () => {
		for (const tag of ['"2"', 'W/"3"', '"33"', '""']) {
			expectProblem(await put({ 'if-match': tag }), 'PC_IF_MATCH_STALE');
		}
		expectProblem(await put({ 'if-match': '"3"' }, 'absent'), 'PC_IF_MATCH_STALE');
		expectProblem(await put({ 'if-match': '*' }, 'absent'), 'PC_IF_MATCH_STALE');
	});

	it('may demand that there is nothing yet', async () => {
		expect((await put({ 'if-none-match': '*' }, 'absent')).status).toBe(204);
		expectProblem(await put({ 'if-none-match': '*' }), 'PC_IF_MATCH_STALE');
	});

	it('with a version that cannot be read is refused', async () => {
		for (const headers of [
			{ 'if-match': '3' },
			{ 'if-none-match': '"3"' },
			{ 'if-match': '*', 'if-none-match': '*' },
		]) {
			expect((await put(headers as Record<string, string>)).json.code).toBe('PC_INPUT_INVALID');
		}
	});
});

describe('time', () => {
	it('runs out for an operation that listens', async () =>
		expectProblem(await plane.ask({ path: '/wait' }), 'PC_API_TIMEOUT'));

	it('runs out for an operation that does not', async () => {
		expectProblem(await plane.ask({ method: 'POST', path: '/sleep' }), 'PC_API_TIMEOUT');
	});
});

describe('the audit', () => {
	const linesOf = (told: ApiTold) => plane.audit().filter(({ request }) => request === told.headers['x-request-id']);
	const WHO = { principal: { issuer: 'https://login.example', tid: 'directory', oid: 'alice' } };

	it('has an intent before a change, and how it ended', async () => {
		const lines = linesOf(await create({ name: 'lamp' }));
		expect(lines).toMatchObject([
			{
				...{ kind: 'intent', address: `/api/v1/workspaces/{workspace}/things`, method: 'POST', route: 'api', ...WHO },
				...{ workspace: 'google', workspaceId: 'google', level: 'write', rules: ['grants[0]'] },
				reasons: ['workspace-granted', 'level-sufficient'],
			},
			{ kind: 'outcome', outcome: 'ok', workspace: 'google', workspaceId: 'google' },
		]);
		expect(JSON.stringify(lines)).not.toContain('lamp');
	});

	it('has every refusal, of reads too, and reads that were answered not', async () => {
		expect(linesOf(await plane.ask({ path: '/workspaces/google/things/lamp' }))).toEqual([]);
		const lines = linesOf(await plane.ask({ path: '/workspaces/microsoft/things/lamp' }));
		expect(lines).toMatchObject([
			{ kind: 'outcome', outcome: 'refused', code: 'PC_NOT_FOUND', workspace: 'microsoft', ...WHO },
		]);
		const put = { method: 'PUT', path: '/workspaces/google/things/lamp' } as const;
		const stale = linesOf(await plane.ask({ ...put, headers: { 'if-match': '"1"' } }));
		expect(stale).toMatchObject([{ kind: 'intent' }, { outcome: 'failed', code: 'PC_IF_MATCH_STALE' }]);
	});

	it('names the operator as that', async () => {
		const lines = linesOf(await create({ name: 'lamp' }, { as: 'operator' }));
		expect(lines[0]).toMatchObject({ principal: { issuer: 'operator', tid: 'local', oid: 'operator' } });
	});

	it('that cannot be kept lets nothing be changed', async () => {
		const other = await startTestPlane({ routes: ROUTES });
		other.loseAudit();
		const before = made.length;
		const told = await other.ask({ method: 'POST', path: '/workspaces/google/things', body: { name: 'lamp' } });
		expectProblem(told, 'PC_AUDIT_UNAVAILABLE');
		expect(made).toHaveLength(before);
		await other.close();
	});
});
