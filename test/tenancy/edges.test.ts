import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditOf, outcomeOf, refused } from '../e2e/edge-refusal.ts';
import { type EdgeBench, OID, openEdgeBench, SECRETS, type Sent } from '../fakes/edges.ts';
import { legacy, type PlainAnswer, post } from '../fakes/gateway.ts';
import { type LegacyHttpFixture, startLegacyHttp } from '../fakes/upstream.ts';

let google: LegacyHttpFixture;
let microsoft: LegacyHttpFixture;
let bench: EdgeBench;

// The same object id stands for one person in each directory, and their groups are named alike.
beforeAll(async () => {
	google = await startLegacyHttp({ sessions: false });
	microsoft = await startLegacyHttp({ sessions: false });
	const server = ({ url }: LegacyHttpFixture) => ({ servers: { docs: { transport: 'http', url } } });
	bench = await openEdgeBench({
		workspaces: { google: server(google), microsoft: server(microsoft) },
		grants: [
			{ group: 'Staff', workspace: 'google', access: 'write', directory: 'fake' },
			{ group: 'Staff', workspace: 'microsoft', access: 'write', directory: 'other' },
		],
	});
});
afterAll(async () => {
	await bench.close();
	await google.close();
	await microsoft.close();
});

const tidOf = (which: 'google' | 'microsoft'): string =>
	(which === 'google' ? bench.gateway.directory : bench.other).directory.tenantId;

/** What an edge that may vouch for google alone says of somebody of either company. */
const WAYS: Readonly<Record<string, (company: 'google' | 'microsoft') => Sent>> = {
	asserted: (company) => ({ 'X-Edge-Assertion': bench.assertion({ tid: tidOf(company), groups: ['Staff'] }) }),
	managed: (company) => ({ ...headers(company), 'X-Edge-Authorization': `Bearer ${bench.edgeToken()}` }),
	shared: (company) => ({ ...headers(company), 'X-Edge-Secret': SECRETS[1] }),
};

const headers = (company: 'google' | 'microsoft'): Sent => ({
	...{ 'X-User-Id': OID, 'X-Tenant-ID': tidOf(company), 'X-User-Groups': 'Staff' },
});

function list(listener: string, path: string, sent: Sent): Promise<PlainAnswer> {
	return post(bench.urlOf(listener) + path, legacy('tools/list'), sent as Readonly<Record<string, string>>);
}

describe.each(Object.keys(WAYS))('an edge of google on the listener %s', (listener) => {
	const say = WAYS[listener] as (company: 'google' | 'microsoft') => Sent;

	it('reaches google, and nothing of microsoft, under any address', async () => {
		const before = microsoft.seen.length;
		expect(outcomeOf(await list(listener, '/w/google/mcp', say('google')))).toBe('200');
		const all = await list(listener, '/mcp', say('google'));
		const names = (all.json.result.tools as { name: string }[]).map(({ name }) => name);
		expect(names.length).toBeGreaterThan(0);
		expect(names.filter((name) => !name.startsWith('google__'))).toEqual([]);
		for (const path of ['/w/microsoft/mcp', '/w/microsoft/s/docs/mcp', '/w/nowhere/mcp']) {
			expect(outcomeOf(await list(listener, path, say('google'))), path).toBe(refused('PC_ADDRESS_UNKNOWN'));
		}
		expect(microsoft.seen.length).toBe(before);
	});

	it('vouches for nobody of microsoft', async () => {
		for (const path of ['/w/microsoft/mcp', '/w/google/mcp', '/mcp']) {
			const answer = await list(listener, path, say('microsoft'));
			expect(outcomeOf(answer), path).toBe(refused('PC_EDGE_IDENTITY'));
			expect(auditOf(bench.gateway, answer)[0]).not.toHaveProperty('principal');
		}
	});

	it('adds nothing to a token of microsoft, and a token of microsoft nothing to it', async () => {
		const authorization = `Bearer ${bench.other.token({ oid: OID, groups: ['Staff'] })}`;
		expect(outcomeOf(await list(listener, '/w/microsoft/mcp', { authorization }))).toBe('200');
		for (const path of ['/w/microsoft/mcp', '/w/google/mcp']) {
			const answer = await list(listener, path, { ...say('google'), authorization });
			expect(outcomeOf(answer), path).toBe(refused('PC_EDGE_MISMATCH'));
		}
	});
});

describe('people of both companies with one object id', () => {
	it('are told apart at the same time on one listener', async () => {
		const authorization = `Bearer ${bench.other.token({ oid: OID, groups: ['Staff'] })}`;
		const asked = Array.from({ length: 40 }, (_, at) =>
			at % 2 === 0
				? list('asserted', '/mcp', WAYS['asserted']?.('google') as Sent)
				: list('asserted', '/mcp', { authorization }),
		);
		const prefixes = (await Promise.all(asked)).map(({ json }) => [
			...new Set((json.result.tools as { name: string }[]).map(({ name }) => name.split('__')[0])),
		]);
		expect(prefixes).toEqual(asked.map((_, at) => [at % 2 === 0 ? 'google' : 'microsoft']));
	});
});
