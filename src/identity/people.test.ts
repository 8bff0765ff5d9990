import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FakeGraph, startFakeGraph } from '../../test/fakes/graph.ts';
import { snapshotOf } from '../../test/fakes/snapshot.ts';
import { byDigest } from '../config/api-keys.ts';
import type { ApiKey, GrantRule, Membership, Snapshot } from '../config/snapshot.ts';
import { createKeyText, keyDigest } from '../lib/api-key-text.ts';
import { principalKey } from '../lib/principal-key.ts';
import { createSecret } from '../lib/secret.ts';
import { createAuthenticate } from './authenticate.ts';
import { FRESH_MS, STALE_MS } from './graph/member-groups.ts';
import type { Principal } from './principal.ts';

const [GROUP, ANN, TID] = [randomUUID(), randomUUID(), randomUUID()];
const PERSON = { issuer: 'https://i', tid: TID, oid: ANN };
const TEXT = createKeyText();
const RULES: readonly GrantRule[] = [
	{ name: 'g', directory: 'contoso', workspace: 'google', level: 'write', match: { claim: 'group', value: GROUP } },
];
const KEY: ApiKey = {
	...{ id: 'key-1', digest: keyDigest(TEXT), workspace: 'google', workspaceId: 'google', kind: 'personal' },
	...{ name: 'Of Ann', level: 'admin', owner: PERSON, servers: undefined, networks: undefined },
	...{ expiresAt: undefined, openWebUi: undefined },
};

let graph: FakeGraph;
let nowMs: number;
let snapshot: Snapshot;
let stage: ReturnType<typeof createAuthenticate>;

function use(grantRules: readonly GrantRule[], members: readonly Membership[] = [], hasGraph = true): void {
	const { access, clientSecret } = graph;
	const directory = { id: 'contoso', issuer: 'https://i', tenantId: TID, audiences: ['a'], jwksUrl: 'https://k' };
	const asked = hasGraph ? { graph: { ...access, clientSecret: createSecret(clientSecret) } } : {};
	snapshot = snapshotOf(['google', 'microsoft'], {
		version: (snapshot?.version ?? 0) + 1,
		directories: [{ ...directory, ...asked }],
		grantRules,
		memberships: new Map([[principalKey(PERSON), members]]),
		apiKeys: byDigest([KEY]),
	});
}

beforeEach(async () => {
	nowMs = 1_000_000;
	graph = await startFakeGraph({ [ANN]: [GROUP] });
	use(RULES);
	stage = createAuthenticate({
		snapshots: { current: () => snapshot, onChange: () => undefined },
		now: () => nowMs,
		clientForm: ({ clientId, scope }) =>
			new URLSearchParams({
				...{ grant_type: 'client_credentials', client_id: clientId, client_secret: graph.clientSecret, scope },
			}).toString(),
	});
});
afterEach(async () => {
	stage.close();
	await graph.close();
});

const present = () => stage.authenticate({ rawHeaders: ['Authorization', `Bearer ${TEXT}`], remoteAddress: '::1' });
const levelOf = (principal: Principal | undefined) => principal?.grants.get('google')?.level;
const codeOf = (judge: () => unknown): Promise<unknown> =>
	(async () => judge())().then(
		() => 'accepted',
		(error: { code?: unknown }) => error.code,
	);

it('a personal key gives what its owner’s groups give, never more, and never elsewhere', async () => {
	const ann = await present();
	expect(ann).toMatchObject({ ...PERSON, vouchedBy: 'api-key:key-1', expiresAt: nowMs + FRESH_MS });
	expect([levelOf(ann), [...ann.grants.keys()]]).toEqual(['write', ['google']]);
	expect(graph.lookups).toEqual([{ oid: ANN, ids: [GROUP] }]);
	// Known by now: at once, and nobody is asked.
	expect(present()).not.toBeInstanceOf(Promise);
	expect(graph.lookups).toHaveLength(1);
});

it('its owner’s leaving the group ends it within ten minutes', async () => {
	const ann = await present();
	graph.people.set(ANN, new Set());
	nowMs += FRESH_MS - 1;
	expect(levelOf(await present())).toBe('write');
	nowMs += 1;
	expect(await codeOf(present)).toBe('PC_KEY_INVALID');
	expect(stage.renew(ann)).toBeUndefined();
});

it('is refused for the moment where the directory gives no answer for an hour, and believed until then', async () => {
	await present();
	graph.setHealth('error');
	nowMs += STALE_MS - 1;
	expect(levelOf(await present())).toBe('write');
	nowMs += 1;
	expect(await codeOf(present)).toBe('PC_GROUPS_UNAVAILABLE');
});

it('is renewed by what is known, without asking', async () => {
	const ann = await present();
	use(RULES, [{ workspace: 'google', level: 'admin', name: '' }]);
	expect(levelOf(stage.renew(ann))).toBe('admin');
	use([]);
	expect(stage.renew(ann)).toBeUndefined();
	expect(graph.lookups).toHaveLength(1);
});

it('where nobody can be asked a membership is all that counts', async () => {
	use(RULES, [], false);
	expect(await codeOf(present)).toBe('PC_KEY_INVALID');
	use(RULES, [{ workspace: 'google', level: 'read', name: '' }], false);
	expect(levelOf(await present())).toBe('read');
	expect(graph.lookups).toEqual([]);
});

it('a group that a grant names by its name gives nothing, and takes nothing from a member', async () => {
	const byName = RULES.map((rule) => ({ ...rule, match: { claim: 'group' as const, value: 'MCP-Google' } }));
	use(byName);
	expect(await codeOf(present)).toBe('PC_KEY_INVALID');
	use(byName, [{ workspace: 'google', level: 'read', name: '' }]);
	const ann = await present();
	expect(levelOf(ann)).toBe('read');
	expect(levelOf(stage.renew(ann))).toBe('read');
});

it('a member whose groups nobody can be asked for stays one, and their streams with them', async () => {
	const owner = { ...PERSON, oid: 'no-object-id' };
	use(RULES);
	const members = new Map([[principalKey(owner), [{ workspace: 'google', level: 'read', name: '' } as const]]]);
	const withMember = (version: number): Snapshot => {
		return { ...snapshot, version, memberships: members, apiKeys: byDigest([{ ...KEY, owner }]) };
	};
	snapshot = withMember(90);
	const them = await present();
	expect(levelOf(them)).toBe('read');
	snapshot = withMember(91);
	expect(levelOf(stage.renew(them))).toBe('read');
	expect(graph.lookups).toEqual([]);
});
