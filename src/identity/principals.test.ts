import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FakeGraph, startFakeGraph } from '../../test/fakes/graph.ts';
import { snapshotOf } from '../../test/fakes/snapshot.ts';
import type { GrantRule, Snapshot } from '../config/snapshot.ts';
import { createSecret } from '../lib/secret.ts';
import type { VerifiedClaims } from './check-claims.ts';
import { createMemberGroups, FRESH_MS, type MemberGroups } from './graph/member-groups.ts';
import { createPrincipals, type Principals } from './principals.ts';

const START_MS = Date.UTC(2026, 10, 22, 12);
const [GROUP, NEW_GROUP, ANN, TID] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];

let graph: FakeGraph;
let groups: MemberGroups;
let principals: Principals;
let steadyMs: number;
let snapshot: Snapshot;

const rule = (value: string, workspace: string): GrantRule => ({
	...{ name: value, directory: 'contoso', workspace, level: 'read' },
	match: { claim: 'group', value },
});

function use(...grantRules: readonly GrantRule[]): void {
	const { access, clientSecret } = graph;
	const directory = { id: 'contoso', issuer: 'https://i', tenantId: TID, audiences: ['a'], jwksUrl: 'https://k' };
	const directories = [{ ...directory, graph: { ...access, clientSecret: createSecret(clientSecret) } }];
	const version = (snapshot?.version ?? 0) + 1;
	snapshot = snapshotOf(['google', 'microsoft'], { version, directories, grantRules });
}

const claims: VerifiedClaims = {
	...{ directory: 'contoso', issuer: 'https://i', tid: TID, oid: ANN, name: 'Ann', groups: 'unknown', roles: [] },
	...{ scopes: ['mcp.access'], expiresAt: START_MS / 1_000 + 3_600 },
};

beforeEach(async () => {
	steadyMs = 0;
	graph = await startFakeGraph({ [ANN]: [GROUP, NEW_GROUP] });
	use(rule(GROUP, 'google'));
	const snapshots = { current: () => snapshot, onChange: () => undefined };
	const steadyNow = (): number => steadyMs;
	const clientForm = ({ clientId, scope }: { readonly clientId: string; readonly scope: string }): string =>
		new URLSearchParams({
			...{ grant_type: 'client_credentials', client_id: clientId, client_secret: graph.clientSecret, scope },
		}).toString();
	groups = createMemberGroups({ snapshots, clientForm, steadyNow });
	principals = createPrincipals({ snapshots, memberGroups: groups, now: () => START_MS + steadyMs, steadyNow });
});
afterEach(async () => {
	groups.close();
	await graph.close();
});

it('a principal whose groups were looked up holds for ten minutes, and is at hand for as long', async () => {
	const ann = await principals.of(claims);
	expect([...ann.grants.keys()]).toEqual(['google']);
	expect(ann.expiresAt).toBe(START_MS + FRESH_MS);
	expect(principals.of(claims)).toBe(ann);
	steadyMs = FRESH_MS;
	expect((await principals.of(claims)).expiresAt).toBe(START_MS + 2 * FRESH_MS);
});

it('a principal whose token ends before that holds until then', async () => {
	const brief = { ...claims, expiresAt: START_MS / 1_000 + 60 };
	expect((await principals.of(brief)).expiresAt).toBe(START_MS + 60_000);
});

it('is renewed by what is known, without asking: a new rule gives nothing yet, and one that is gone gives nothing more', async () => {
	const ann = await principals.of(claims);
	use(rule(GROUP, 'google'), rule(NEW_GROUP, 'microsoft'));
	expect([...(principals.renew(ann)?.grants.keys() ?? [])]).toEqual(['google']);
	use(rule(NEW_GROUP, 'microsoft'));
	expect([...(principals.renew(ann)?.grants.keys() ?? [])]).toEqual([]);
	expect(graph.lookups).toHaveLength(1);
	expect([...(await principals.of(claims)).grants.keys()]).toEqual(['microsoft']);
});
