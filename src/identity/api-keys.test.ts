import { describe, expect, it } from 'vitest';
import { snapshotOf, workspaceOf } from '../../test/fakes/snapshot.ts';
import { byDigest } from '../config/api-keys.ts';
import type { ApiKey, Directory, Membership, Snapshot } from '../config/snapshot.ts';
import { createKeyText, keyDigest } from '../lib/api-key-text.ts';
import { type Identity, principalKey } from '../lib/principal-key.ts';
import { createAuthenticate } from './authenticate.ts';

const DIRECTORY: Directory = {
	id: 'd',
	issuer: 'https://i',
	tenantId: 't',
	audiences: ['a'],
	jwksUrl: 'https://i/keys',
};
const ADA: Identity = { issuer: 'https://i', tid: 't', oid: 'ada' };

const TEXT = createKeyText();

function keyOf(parts: Partial<ApiKey> = {}, text = TEXT): ApiKey {
	return {
		...{ id: 'key-1', digest: keyDigest(text), workspace: 'google', workspaceId: 'id-google', kind: 'service' },
		...{ name: 'Nightly', level: 'write', owner: undefined, servers: undefined, networks: undefined },
		expiresAt: undefined,
		openWebUi: undefined,
		...parts,
	};
}

const personal = (parts: Partial<ApiKey> = {}): ApiKey =>
	keyOf({ kind: 'personal', owner: ADA, level: 'admin', ...parts });

const member = (level: Membership['level'], workspace = 'google'): Membership => ({ workspace, level, name: '' });

interface World {
	readonly keys?: readonly ApiKey[];
	readonly members?: readonly Membership[];
	readonly directories?: readonly Directory[];
}

/** The identity stage over snapshots that can be exchanged, and a clock that can be set. */
function stageOf(world: World) {
	const state = { version: 1, nowMs: 1_000_000, uses: [] as string[] };
	const build = ({ keys = [], members = [], directories = [DIRECTORY] }: World): Snapshot =>
		snapshotOf([], {
			version: state.version++,
			directories,
			workspaces: new Map(['google', 'microsoft'].map((slug) => [slug, workspaceOf(slug, { id: `id-${slug}` })])),
			memberships: new Map([[principalKey(ADA), members]]),
			apiKeys: byDigest(keys),
		});
	let snapshot = build(world);
	const { authenticate, renew } = createAuthenticate({
		snapshots: { current: () => snapshot, onChange: () => undefined },
		now: () => state.nowMs,
		noteKeyUse: ({ workspaceId, id }) => state.uses.push(`${workspaceId} ${id}`),
	});
	const present = (text: string, remoteAddress = '127.0.0.1') =>
		authenticate({ rawHeaders: ['Authorization', `Bearer ${text}`], remoteAddress });
	return {
		state,
		renew,
		swap: (next: World) => {
			snapshot = build(next);
		},
		as: (text = TEXT, remoteAddress?: string) => {
			const principal = present(text, remoteAddress);
			if (principal instanceof Promise) throw new Error('a key was taken for a token');
			return principal;
		},
		refusal: (text = TEXT, remoteAddress?: string): string => {
			try {
				void present(text, remoteAddress);
			} catch (error) {
				const { code, facts } = error as { code: string; facts: { detail: string } };
				return `${code} ${facts.detail}`;
			}
			return 'accepted';
		},
	};
}

describe('a service key', () => {
	it('is somebody of its own, with exactly what it says in its workspace and nothing else', () => {
		const { as } = stageOf({ keys: [keyOf({ servers: ['wiki'] })] });
		const principal = as();
		expect(principal).toMatchObject({ issuer: 'api-key', tid: 'id-google', oid: 'key-1', vouchedBy: 'api-key:key-1' });
		expect(principal.platformLevel).toBeUndefined();
		expect([...principal.grants]).toEqual([
			[
				'google',
				{
					...{ workspace: 'google', workspaceId: 'id-google', level: 'write', rules: ['api-key'] },
					servers: new Set(['wiki']),
				},
			],
		]);
		expect(principal).toBe(as());
	});

	it('is found among many by its digest, and is nobody when two rows have that', () => {
		const texts = Array.from({ length: 200 }, createKeyText);
		const keys = texts.map((text, index) => keyOf({ id: `key-${index}` }, text));
		const { as } = stageOf({ keys });
		expect(texts.map((text) => as(text).oid)).toEqual(keys.map(({ id }) => id));
		const copied = stageOf({ keys: [keyOf(), keyOf({ workspace: 'microsoft', workspaceId: 'id-microsoft' })] });
		expect(copied.refusal()).toBe('PC_KEY_INVALID unknown');
	});

	it('is refused alike whatever is wrong with it; only the detail for the audit differs', () => {
		const { refusal } = stageOf({ keys: [keyOf({ networks: ['10.0.0.0/8', '2001:db8::/32'] })] });
		expect(refusal(createKeyText())).toBe('PC_KEY_INVALID unknown');
		expect(refusal(`${TEXT.slice(0, -1)}${TEXT.endsWith('0') ? '1' : '0'}`)).toBe('PC_KEY_INVALID checksum');
		expect(refusal('pc_')).toBe('PC_KEY_INVALID checksum');
		for (const address of ['127.0.0.1', '11.0.0.1', '::ffff:11.0.0.1', '2001:db9::1', '']) {
			expect(refusal(TEXT, address), address).toBe('PC_KEY_INVALID network');
		}
		for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8::1'])
			expect(refusal(TEXT, address)).toBe('accepted');
	});

	it('ends in the millisecond it names', () => {
		const { state, refusal, as } = stageOf({ keys: [keyOf({ expiresAt: 2_000_000 })] });
		expect(as().expiresAt).toBe(2_000_000);
		for (const [nowMs, expected] of [
			[1_999_999, 'accepted'],
			[2_000_000, 'PC_KEY_INVALID expired'],
			[2_000_001, 'PC_KEY_INVALID expired'],
		] as const) {
			state.nowMs = nowMs;
			expect(refusal()).toBe(expected);
		}
	});

	it('is noted as used when it was accepted, and never when it was refused', () => {
		const { state, as, refusal } = stageOf({ keys: [keyOf({ networks: ['127.0.0.1'] })] });
		refusal(TEXT, '10.0.0.1');
		expect(state.uses).toEqual([]);
		as();
		expect(state.uses).toEqual(['id-google key-1']);
	});
});

describe('a personal key', () => {
	it('is the person, with the weaker of what it says and what they hold now', () => {
		const { as, swap } = stageOf({ keys: [personal()], members: [member('read'), member('admin', 'microsoft')] });
		expect(as()).toMatchObject({ ...ADA, key: principalKey(ADA), vouchedBy: 'api-key:key-1' });
		expect([...as().grants.keys()]).toEqual(['google']);
		expect(as().grants.get('google')).toMatchObject({ level: 'read', rules: ['api-key', 'member'] });
		swap({ keys: [personal()], members: [member('admin')] });
		expect(as().grants.get('google')?.level).toBe('admin');
		swap({ keys: [personal({ level: 'write' })], members: [member('admin')] });
		expect(as().grants.get('google')?.level).toBe('write');
	});

	it('is refused when the person holds nothing there any more, or their directory is gone', () => {
		const { refusal, swap } = stageOf({ keys: [personal()], members: [member('read')] });
		expect(refusal()).toBe('accepted');
		swap({ keys: [personal()], members: [member('admin', 'microsoft')] });
		expect(refusal()).toBe('PC_KEY_INVALID owner');
		swap({ keys: [personal()], members: [member('read')], directories: [] });
		expect(refusal()).toBe('PC_KEY_INVALID owner');
		swap({ keys: [personal()], members: [member('read')] });
		expect(refusal()).toBe('accepted');
	});
});

describe('a principal of a key', () => {
	it('goes on with another name, and ends when the key is gone or says something else', () => {
		const { as, renew, swap } = stageOf({ keys: [keyOf()] });
		const principal = as();
		swap({ keys: [keyOf({ name: 'Daily' }), keyOf({ id: 'key-2' }, createKeyText())] });
		expect(renew(principal)?.grants).toEqual(principal.grants);
		for (const parts of [
			{ level: 'read' },
			{ servers: ['wiki'] },
			{ networks: ['10.0.0.0/8'] },
			{ expiresAt: 1 },
		] as const) {
			swap({ keys: [keyOf(parts)] });
			expect(renew(principal), JSON.stringify(parts)).toBeUndefined();
		}
		swap({ keys: [] });
		expect(renew(principal)).toBeUndefined();
		swap({ keys: [keyOf()] });
		expect(renew(principal)?.grants).toEqual(principal.grants);
	});

	it('follows what the person holds, and is unknown to everybody else', () => {
		const { as, renew, swap } = stageOf({ keys: [personal()], members: [member('write')] });
		const principal = as();
		swap({ keys: [personal()], members: [member('read')] });
		expect(renew(principal)?.grants.get('google')?.level).toBe('read');
		swap({ keys: [personal()], members: [] });
		expect(renew(principal)).toBeUndefined();
		expect(renew({ ...principal })).toBeUndefined();
	});
});
