import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeGraph, type GraphHealth, startFakeGraph } from '../../../test/fakes/graph.ts';
import { snapshotOf } from '../../../test/fakes/snapshot.ts';
import type { Directory, GrantRule, Snapshot } from '../../config/snapshot.ts';
import { createSecret } from '../../lib/secret.ts';
import { createMemberGroups, FRESH_MS, type MemberGroups, type Person, STALE_MS } from './member-groups.ts';

const [FINANCE, LEGAL, OTHER] = [randomUUID(), randomUUID(), randomUUID()];
const [ANN, BOB] = [randomUUID(), randomUUID()];
const TID = randomUUID();

let graph: FakeGraph;
let groups: MemberGroups;
let steadyMs: number;
let snapshot: Snapshot;

const groupRule = (value: string, directory: string | undefined = 'contoso'): GrantRule => ({
	name: value,
	directory,
	match: { claim: 'group', value },
	workspace: 'google',
	level: 'read',
});

function directoryOf(parts: Partial<Directory> = {}): Directory {
	const { clientSecret: secret, access } = graph;
	return {
		...{ id: 'contoso', issuer: 'https://login/contoso', tenantId: TID, audiences: ['a'], jwksUrl: 'https://keys' },
		graph: { ...access, clientSecret: createSecret(secret) },
		...parts,
	};
}

function withoutGraph(): Directory {
	const { graph: _, ...rest } = directoryOf();
	return rest;
}

function use(values: readonly string[], directories: readonly Directory[] = [directoryOf()]): void {
	snapshot = snapshotOf(['google'], { directories, grantRules: values.map((value) => groupRule(value)) });
}

const ann: Person = { directory: 'contoso', tid: TID, oid: ANN };
const bob: Person = { ...ann, oid: BOB };

// As in the composition root: only `credentials` reveals a secret.
const clientForm = ({ clientId, scope }: { readonly clientId: string; readonly scope: string }): string => {
	const fields = { grant_type: 'client_credentials', client_id: clientId, client_secret: graph.clientSecret, scope };
	return new URLSearchParams(fields).toString();
};

beforeEach(async () => {
	steadyMs = 0;
	graph = await startFakeGraph({ [ANN]: [FINANCE, OTHER], [BOB]: [LEGAL] });
	use([FINANCE, LEGAL]);
	const current = (): Snapshot => snapshot;
	groups = createMemberGroups({ snapshots: { current }, clientForm, steadyNow: () => steadyMs, requestMs: 300 });
});

afterEach(async () => {
	groups.close();
	await graph.close();
});

const idsOf = async (person: Person): Promise<readonly string[]> => [...(await groups.groupsOf(person))].sort();

describe('the groups of a person', () => {
	it('are those of the rules that Graph says they are in', async () => {
		expect(await idsOf(ann)).toEqual([FINANCE]);
		expect(await idsOf(bob)).toEqual([LEGAL]);
		expect(graph.lookups.map(({ ids }) => ids)).toEqual([
			[FINANCE, LEGAL],
			[FINANCE, LEGAL],
		]);
		expect(graph.tokens).toBe(1);
	});

	it('are asked for once by all who want to know at the same time, and by nobody for ten minutes', async () => {
		await Promise.all(Array.from({ length: 50 }, () => groups.groupsOf(ann)));
		expect(graph.lookups).toHaveLength(1);
		steadyMs = FRESH_MS - 1;
		expect(groups.look(ann)).not.toBeInstanceOf(Promise);
		expect(groups.look(ann)).toBe(groups.look(ann));
		steadyMs = FRESH_MS;
		await groups.groupsOf(ann);
		expect(graph.lookups).toHaveLength(2);
	});

	it('shrink within ten minutes of the removal', async () => {
		expect(await idsOf(ann)).toEqual([FINANCE]);
		graph.people.set(ANN, new Set([OTHER]));
		steadyMs = FRESH_MS;
		expect(await idsOf(ann)).toEqual([]);
	});

	it('are none for somebody who is not there any more', async () => {
		graph.people.delete(ANN);
		expect(await idsOf(ann)).toEqual([]);
	});

	it('are asked for in parts of twenty', async () => {
		const many = [...Array.from({ length: 44 }, () => randomUUID()), FINANCE];
		use(many);
		expect(await idsOf(ann)).toEqual([FINANCE]);
		expect(graph.lookups.map(({ ids }) => ids.length).sort()).toEqual([20, 20, 5]);
	});

	it('are asked for again only where a new rule names a new one', async () => {
		await groups.groupsOf(ann);
		use([FINANCE, LEGAL, OTHER]);
		expect(await idsOf(ann)).toEqual([FINANCE, OTHER].sort());
		expect(graph.lookups.at(-1)).toEqual({ oid: ANN, ids: [OTHER] });
		use([OTHER]);
		expect(await idsOf(ann)).toEqual([OTHER]);
		expect(graph.lookups).toHaveLength(2);
	});

	it('answer the rules of now, also where others were asked about a moment before', async () => {
		const before = groups.groupsOf(ann);
		use([OTHER]);
		expect(await idsOf(ann)).toEqual([OTHER]);
		expect([...(await before)]).toEqual([FINANCE]);
	});

	it('are not asked for where no rule is about one, and names and rules of other directories are not asked about', async () => {
		use([]);
		expect(await idsOf(ann)).toEqual([]);
		snapshot = snapshotOf(['google'], {
			directories: [directoryOf()],
			grantRules: [groupRule('Finance'), groupRule(LEGAL, 'fabrikam'), groupRule(FINANCE, undefined)],
		});
		expect(await idsOf(ann)).toEqual([FINANCE]);
		expect(graph.lookups.map(({ ids }) => ids)).toEqual([[FINANCE]]);
	});

	it('are spelled as the rule spells them', async () => {
		use([FINANCE.toUpperCase()]);
		expect(await idsOf(ann)).toEqual([FINANCE.toUpperCase()]);
	});

	it('of two directories are apart, though their people have the same ids', async () => {
		const other = await startFakeGraph({ [ANN]: [LEGAL] });
		const fabrikam = directoryOf({
			id: 'fabrikam',
			graph: { ...other.access, clientSecret: createSecret(graph.clientSecret) },
		});
		const rules = [FINANCE, LEGAL].flatMap((id) => [groupRule(id), groupRule(id, 'fabrikam')]);
		snapshot = snapshotOf(['google'], { directories: [directoryOf(), fabrikam], grantRules: rules });
		expect(await idsOf(ann)).toEqual([FINANCE]);
		// The other directory knows another secret.
		await expect(groups.groupsOf({ ...ann, directory: 'fabrikam' })).rejects.toMatchObject({
			code: 'PC_GROUPS_UNAVAILABLE',
		});
		expect(await idsOf(ann)).toEqual([FINANCE]);
		await other.close();
	});
});

describe('a person about whom nothing can be asked', () => {
	const WAYS: readonly (readonly [string, () => void, Person])[] = [
		['of a directory without graph', () => use([FINANCE], [withoutGraph()]), ann],
		['of no directory', () => use([FINANCE], []), ann],
		['of another Entra tenant', () => undefined, { ...ann, tid: randomUUID() }],
		['without an object id of Entra', () => undefined, { ...ann, oid: '../groups' }],
	];

	it.each(WAYS)('%s is refused', async (_, prepare, person) => {
		prepare();
		await expect((async () => groups.look(person))()).rejects.toMatchObject({ code: 'PC_TOKEN_GROUPS_UNKNOWN' });
		expect(graph.lookups.length + graph.tokens + graph.strayRequests).toBe(0);
	});

	it('whose secret cannot be found is refused for the moment', async () => {
		use([FINANCE], [directoryOf({ graph: { ...graph.access, clientSecret: undefined } })]);
		await expect(groups.groupsOf(ann)).rejects.toMatchObject({ code: 'PC_GROUPS_UNAVAILABLE' });
	});
});

describe('while Graph does not answer', () => {
	const BAD: readonly GraphHealth[] = ['down', 'hang', 'error', 'throttled', 'forbidden', 'html', 'paged', 'redirect'];

	it.each(BAD)('(%s) nobody new is believed, and whoever was known is for an hour', async (health) => {
		expect(await idsOf(ann)).toEqual([FINANCE]);
		graph.setHealth(health);
		await expect(groups.groupsOf(bob)).rejects.toMatchObject({ code: 'PC_GROUPS_UNAVAILABLE' });
		steadyMs = STALE_MS - 1;
		expect(await idsOf(ann)).toEqual([FINANCE]);
		steadyMs = STALE_MS;
		await expect(groups.groupsOf(ann)).rejects.toMatchObject({ code: 'PC_GROUPS_UNAVAILABLE' });
		graph.setHealth('up');
		steadyMs += 600_000;
		expect(await idsOf(ann)).toEqual([FINANCE]);
		expect(graph.strayRequests).toBe(0);
	});

	it('it is left alone for as long as it asks to be', async () => {
		graph.setHealth('throttled');
		await expect(groups.groupsOf(ann)).rejects.toMatchObject({ facts: { retryAfterSeconds: 120 } });
		graph.setHealth('up');
		steadyMs = 119_999;
		await expect(groups.groupsOf(bob)).rejects.toMatchObject({ facts: { retryAfterSeconds: 1 } });
		expect(graph.lookups).toHaveLength(1);
		steadyMs = 120_000;
		expect(await idsOf(bob)).toEqual([LEGAL]);
	});

	it('and a new rule asks about a new group, nobody is believed to be in it or out of it', async () => {
		await groups.groupsOf(ann);
		graph.setHealth('error');
		use([FINANCE, OTHER]);
		await expect(groups.groupsOf(ann)).rejects.toMatchObject({ code: 'PC_GROUPS_UNAVAILABLE' });
		expect([...(groups.known(ann)?.ids ?? [])]).toEqual([FINANCE]);
	});

	it('what is held by old answers is believed no longer than they are', async () => {
		await groups.groupsOf(ann);
		graph.setHealth('error');
		steadyMs = STALE_MS - 60_000;
		expect(await groups.look(ann)).toMatchObject({ until: STALE_MS });
	});

	it('no message holds a secret, a token or what was answered', async () => {
		graph.setHealth('forbidden');
		const error = await groups.groupsOf(ann).catch((refused: unknown) => refused);
		const { cause, facts } = error as { readonly cause: Error; readonly facts: object };
		expect(JSON.stringify(facts) + cause.message + cause.stack).not.toMatch(/secret |Authorization_RequestDenied/);
		expect(facts).toMatchObject({ detail: 'Microsoft Graph answered 403' });
	});
});

describe('the token of the application', () => {
	it('is fetched anew once when Graph no longer takes it', async () => {
		await groups.groupsOf(ann);
		graph.revokeTokens();
		expect(await idsOf(bob)).toEqual([LEGAL]);
		expect(graph.tokens).toBe(2);
	});

	it('is fetched anew before it expires', async () => {
		await groups.groupsOf(ann);
		steadyMs = 3_599_000 - 60_000;
		await groups.groupsOf(ann);
		expect(graph.tokens).toBe(2);
	});
});

describe('what was known last', () => {
	it('is told without asking, for an hour', async () => {
		expect(groups.known(ann)).toBeUndefined();
		await groups.groupsOf(ann);
		steadyMs = STALE_MS - 1;
		expect([...(groups.known(ann)?.ids ?? [])]).toEqual([FINANCE]);
		steadyMs = STALE_MS;
		expect([...(groups.known(ann)?.ids ?? [])]).toEqual([]);
		expect(graph.lookups).toHaveLength(1);
	});

	it('is forgotten with the settings of the directory', async () => {
		await groups.groupsOf(ann);
		use([FINANCE, LEGAL], [directoryOf({ tenantId: TID, audiences: ['b'] })]);
		expect(groups.known(ann)).toBeUndefined();
	});
});
