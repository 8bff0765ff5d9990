import { describe, expect, test } from 'vitest';
import { assembleSnapshot, buildSettings } from './build-snapshot.ts';
import { buildWorkspace } from './build-workspace.ts';
import { settingsSchema, workspaceSchema } from './file-schema.ts';
import { isUsable } from './is-usable.ts';
import { DEFAULT_UPSTREAM_LIMITS } from './limits.ts';
import { parseConfig } from './parse-config.ts';
import { createLenientLookup } from './secret-template.ts';
import type { Server, Snapshot, Workspace } from './snapshot.ts';

const ENTRY = workspaceSchema(createLenientLookup()).parse({
	servers: { s: { transport: 'http', url: 'https://u.example', limits: { idleMs: 7 } } },
	toolsets: { t: { tools: ['s/x'] } },
	members: [{ oid: 'o', access: 'read' }],
});
const SETTINGS = buildSettings(settingsSchema().parse({ publicUrl: 'https://p.example', limits: { jsonDepth: 5 } }));

function build(id: string, slug: string, faults?: ReadonlyMap<string, string>): Workspace {
	const parts = { id, slug, entry: ENTRY, defaults: SETTINGS.defaults, rate: SETTINGS.rate };
	return buildWorkspace(faults === undefined ? parts : { ...parts, faults });
}

const serverOf = (workspace: Workspace): Server => workspace.servers.get('s') as Server;

function assemble(version: number, workspaces: readonly Workspace[]): Snapshot {
	const { limits, names } = SETTINGS;
	return assembleSnapshot({
		version,
		directories: [],
		grantRules: [],
		memberships: new Map(),
		apiKeys: new Map(),
		credentials: new Map(),
		openWebUi: SETTINGS.openWebUi,
		openWebUiLinks: new Map(),
		workspaces,
		limits,
		names,
	});
}

describe('a workspace built on its own', () => {
	test('is the one that a file with the same entry describes', () => {
		const text = JSON.stringify({
			directories: [{ id: 'd', issuer: 'https://i', tenantId: 't', audiences: ['a'], jwksUrl: 'https://i/k' }],
			workspaces: {
				w: {
					servers: { s: { transport: 'http', url: 'https://u.example', limits: { idleMs: 7 } } },
					toolsets: { t: { tools: ['s/x'] } },
				},
			},
		});
		const file = parseConfig(text, { file: 'p.yaml', env: {}, version: 1 });
		const alone = buildWorkspace({ rate: {}, id: 'w', slug: 'w', entry: ENTRY, defaults: DEFAULT_UPSTREAM_LIMITS });
		expect(alone).toEqual(file.workspaces.get('w'));
	});

	test('never meets the state of another one with its slug', () => {
		expect(serverOf(build('id-2', 'w')).revision).not.toBe(serverOf(build('id-1', 'w')).revision);
		expect(serverOf(build('id-1', 'w')).revision).toBe(serverOf(build('id-1', 'w')).revision);
		expect(serverOf(build('id-1', 'w'))).toMatchObject({ workspace: 'w', workspaceId: 'id-1' });
	});

	test('lets nobody use a server that is known to be faulty', () => {
		const faulty = serverOf(build('id-1', 'w', new Map([['s', 'environment variable KEY is not set']])));
		expect(faulty.fault).toBe('environment variable KEY is not set');
		expect([isUsable(faulty), isUsable(serverOf(build('id-1', 'w')))]).toEqual([false, true]);
	});
});

describe('a snapshot of whole workspaces', () => {
	test('is in slug order, frozen, and leaves the workspaces as they are', () => {
		const [b, a] = [build('1', 'b'), build('2', 'a')];
		const snapshot = assemble(1, [b, a]);
		expect([...snapshot.workspaces]).toEqual([
			['a', a],
			['b', b],
		]);
		expect(snapshot.workspaces.get('b')).toBe(b);
		expect([snapshot, snapshot.workspaces, b, serverOf(b).limits].every(Object.isFrozen)).toBe(true);
		expect(assemble(2, [b]).workspaces.get('b')).toBe(b);
	});

	test('has names and limits as their entry says, the rest by default', () => {
		const { limits, names } = assemble(1, []);
		expect([limits.jsonDepth, limits.batchMessages, names.url]).toEqual([5, 50, 'https://p.example']);
	});
});
