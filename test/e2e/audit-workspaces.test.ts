import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiClient, createApiClient } from '../fakes/api-client.ts';
import { legacy, type PlainAnswer, post } from '../fakes/gateway.ts';
import { type ManagedGateway, startManagedGateway } from '../fakes/managed-gateway.ts';
import { type LegacyHttpFixture, startLegacyHttp } from '../fakes/upstream.ts';
import { expectRefusal } from './edge-refusal.ts';

let gateway: ManagedGateway;
let old: LegacyHttpFixture;
let api: ApiClient;

beforeAll(async () => {
	old = await startLegacyHttp({ canary: 'OLD', sessions: false });
	const servers = { old: { transport: 'http', url: old.url } };
	gateway = await startManagedGateway({
		workspaces: { google: { servers }, microsoft: { servers } },
		grants: [
			{ group: 'writers', workspace: 'google', access: 'write' },
			{ group: 'googles', workspace: 'google', access: 'admin' },
			{ group: 'microsofts', workspace: 'microsoft', access: 'admin' },
			{ group: 'platform', workspace: '*', access: 'admin' },
		],
	});
	api = createApiClient(gateway);
});
afterAll(async () => {
	await gateway.close();
	await old.close();
});

/** Calls as somebody who writes in google and is nobody elsewhere. */
function call(path: string, method = 'tools/call', name = 'echo'): Promise<PlainAnswer> {
	const authorization = `Bearer ${gateway.tokenFor(['writers'], { oid: 'ada' })}`;
	return post(gateway.url + path, legacy(method, { name, arguments: {} }, 1), { authorization });
}

const READERS = [
	['google', '/workspaces/google/audit', 'googles'],
	['microsoft', '/workspaces/microsoft/audit', 'microsofts'],
	['platform', '/platform/audit', 'platform'],
] as const;

/** Who finds records of an answered request, and what they say. */
async function foundBy(answer: PlainAnswer): Promise<Readonly<Record<string, readonly unknown[]>>> {
	await gateway.shipped();
	const request = answer.headers.get('x-request-id');
	const found = READERS.map(async ([name, path, as]) => {
		const { json } = await api.ask({ path: `${path}?request=${request}`, as });
		return [name, json.items] as const;
	});
	return Object.fromEntries((await Promise.all(found)).filter(([, items]) => items.length > 0));
}

describe('a refused call is found', () => {
	it.each([
		['for a tool that is not there', '/w/google/s/old/mcp', 'PC_TOOL_UNKNOWN'],
		['for a tool that is not there, at the address of all servers', '/w/google/mcp', 'PC_TOOL_UNKNOWN'],
		['at a server that is not there', '/w/google/s/nothing/mcp', 'PC_ADDRESS_UNKNOWN'],
		['at a toolset that is not there', '/w/google/t/nothing/mcp', 'PC_ADDRESS_UNKNOWN'],
	] as const)('%s by the administrators of the workspace, and by nobody else', async (_, path, code) => {
		const answer = await call(path, 'tools/call', 'nothing');
		expectRefusal(answer, code, 1);
		const refusal = { outcome: 'refused', code, workspace: 'google', principal: { oid: 'ada' } };
		expect(await foundBy(answer)).toMatchObject({ google: [refusal] });
		expect(Object.keys(await foundBy(answer))).toEqual(['google']);
	});

	it.each([
		['in a workspace of others', '/w/microsoft/s/old/mcp', 'workspace-not-granted'],
		['in a workspace that is not there', '/w/nowhere/s/old/mcp', 'workspace-unknown'],
	])('%s by the platform alone, which is told why', async (_, path, detail) => {
		const answer = await call(path);
		expectRefusal(answer, 'PC_ADDRESS_UNKNOWN', 1);
		expect(await foundBy(answer)).toMatchObject({ platform: [{ outcome: 'refused', detail }] });
		expect(Object.keys(await foundBy(answer))).toEqual(['platform']);
		expect(JSON.stringify(await foundBy(answer))).not.toContain('"workspace":');
	});

	it('of a caller without a token by the platform alone', async () => {
		const answer = await post(`${gateway.url}/w/google/s/old/mcp`, legacy('tools/list'));
		expectRefusal(answer, 'PC_TOKEN_MISSING');
		expect(Object.keys(await foundBy(answer))).toEqual(['platform']);
	});
});

describe('what is allowed is found', () => {
	it.each([
		['a call', '/w/google/s/old/mcp', 'tools/call', 'google'],
		['a list of a workspace', '/w/google/mcp', 'tools/list', 'google'],
		['a list of everything', '/mcp', 'tools/list', 'platform'],
	])('%s at %s where it belongs', async (_, path, method, name) => {
		const answer = await call(path, method);
		expect(answer.json.result).toBeDefined();
		expect(Object.keys(await foundBy(answer))).toEqual([name]);
	});
});
