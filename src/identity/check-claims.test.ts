import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Directory } from '../config/snapshot.ts';
import { checkClaims } from './check-claims.ts';
import type { RawClaims } from './parse-token.ts';

const NOW_S = 1_795_000_000;
const directory: Directory = { id: 'd', issuer: 'https://i/t', tenantId: 't', audiences: ['a'], jwksUrl: 'https://k' };
const good: RawClaims = { oid: 'person', sub: 'pairwise', name: 'Person', scp: 'mcp.access', exp: NOW_S + 3600 };

const check = (overrides: RawClaims = {}, nowMs = NOW_S * 1000) =>
	checkClaims({ ...good, ...overrides }, directory, nowMs);

function codeOf(overrides: RawClaims, nowMs?: number): unknown {
	try {
		check(overrides, nowMs);
		return 'accepted';
	} catch (error) {
		return (error as { code?: unknown }).code;
	}
}

describe('exp', () => {
	it('is honoured with a leeway of 60 seconds that ends where it is reached', () => {
		expect(codeOf({ exp: NOW_S - 59 })).toBe('accepted');
		expect(codeOf({ exp: NOW_S - 60 }, NOW_S * 1000 - 1)).toBe('accepted');
		expect(codeOf({ exp: NOW_S - 60 })).toBe('PC_TOKEN_EXPIRED');
		expect(codeOf({ exp: NOW_S - 61 })).toBe('PC_TOKEN_EXPIRED');
		expect(codeOf({ exp: -1 })).toBe('PC_TOKEN_EXPIRED');
	});

	it.each([undefined, null, '1795003600', 1e99, Number.POSITIVE_INFINITY, NOW_S + 0.5, [NOW_S], true])(
		'as %j is malformed',
		(exp) => expect(codeOf({ exp })).toBe('PC_TOKEN_MALFORMED'),
	);
});

describe('nbf and iat', () => {
	it.each(['nbf', 'iat'])('%s may lie 60 seconds ahead and no more', (name) => {
		expect(codeOf({ [name]: NOW_S + 59 })).toBe('accepted');
		expect(codeOf({ [name]: NOW_S + 60 })).toBe('accepted');
		expect(codeOf({ [name]: NOW_S + 61 })).toBe('PC_TOKEN_NOT_YET_VALID');
		expect(codeOf({ [name]: undefined })).toBe('accepted');
		expect(codeOf({ [name]: `${NOW_S}` })).toBe('PC_TOKEN_MALFORMED');
	});
});

describe('the person', () => {
	it('must have an oid of 1 to 128 characters', () => {
		expect(check({ oid: 'o'.repeat(128) }).oid).toHaveLength(128);
		for (const oid of [undefined, null, '', 7, ['person'], 'o'.repeat(129)]) {
			expect(codeOf({ oid })).toBe('PC_TOKEN_IDENTITY');
		}
	});

	it('is shown by name, then user name, then oid, without what could forge a line of a log', () => {
		expect(check({ name: 'Ann\r\nadmin signed in\u202e' }).name).toBe('Ann  admin signed in');
		expect(check({ name: ' ', preferred_username: 'ann@x.example' }).name).toBe('ann@x.example');
		expect(check({ name: 7 }).name).toBe('person');
		expect(check({ name: '\ud800\u{1f600}'.repeat(300) }).name).toHaveLength(256 + 128);
	});
});

describe('the kind', () => {
	it('is delegated with a scope, app-only with roles, and refused with neither', () => {
		expect(check().scopes).toEqual(['mcp.access']);
		const appOnly = { scp: undefined, roles: ['Gateway.User'], sub: 'person' };
		expect(check(appOnly)).toMatchObject({ scopes: [], roles: ['Gateway.User'] });
		expect(codeOf({ ...appOnly, sub: 'other', idtyp: 'app' })).toBe('accepted');
		for (const scp of [undefined, '', '  ']) expect(codeOf({ scp })).toBe('PC_TOKEN_KIND');
		for (const scp of [null, 7, ['mcp.access']]) expect(codeOf({ scp })).toBe('PC_TOKEN_MALFORMED');
	});

	it('of an ID token is refused although it carries our audience and roles', () => {
		const idToken = { scp: undefined, roles: ['Gateway.User'] };
		expect(codeOf({ ...idToken, sub: 'person' })).toBe('accepted');
		expect(codeOf({ ...idToken, sub: 'person', nonce: 'n' })).toBe('PC_TOKEN_KIND');
		expect(codeOf({ ...idToken, sub: 'pairwise' })).toBe('PC_TOKEN_KIND');
		expect(codeOf({ ...idToken, sub: 'person', idtyp: 'user' })).toBe('PC_TOKEN_KIND');
	});
});

describe('what a directory is narrowed to', () => {
	const codeAt = (narrowed: Partial<Directory>, overrides: RawClaims): unknown => {
		try {
			checkClaims({ ...good, ...overrides }, { ...directory, ...narrowed }, NOW_S * 1000);
			return 'accepted';
		} catch (error) {
			return (error as { code?: unknown }).code;
		}
	};

	it('client applications: azp or appid, and where both are there both', () => {
		const clientApps = ['client-1', 'client-2'];
		for (const client of [{ azp: 'client-1' }, { appid: 'client-2' }, { azp: 'client-1', appid: 'client-1' }]) {
			expect(codeAt({ clientApps }, client)).toBe('accepted');
			expect(codeAt({}, { azp: 'anything' })).toBe('accepted');
		}
		for (const client of [{}, { azp: 'CLIENT-1' }, { azp: ['client-1'] }, { azp: 'client-1', appid: 'other' }]) {
			expect(codeAt({ clientApps }, client)).toBe('PC_TOKEN_CLIENT');
		}
	});

	it('scopes: a person’s token has one of them as Entra writes it, an application’s has none', () => {
		const scopes = ['api://gateway/mcp.access', 'mcp.admin'];
		for (const scp of ['mcp.access', 'x mcp.admin']) expect(codeAt({ scopes }, { scp })).toBe('accepted');
		for (const scp of ['access', 'api://gateway/mcp.access', 'MCP.ACCESS', 'gateway']) {
			expect(codeAt({ scopes }, { scp })).toBe('PC_TOKEN_SCOPE');
		}
		expect(codeAt({ scopes }, { scp: 'access', roles: ['Gateway.User'] })).toBe('PC_TOKEN_SCOPE');
		expect(codeAt({ scopes }, { scp: undefined, roles: ['Gateway.User'], sub: 'person' })).toBe('accepted');
	});

	it('guests: by acct or by who vouched for them, where the directory refuses them', () => {
		const own = 'https://sts.windows.net/t/';
		const guests: readonly RawClaims[] = [
			...[{ acct: 1 }, { acct: '1' }, { idp: 'live.com' }, { idp: 'https://sts.windows.net/other/' }],
			...[{ idp: null }, { idp: 'https://evil.example/t/' }, { idp: 'https://sts.windows.net/other/t/' }],
		];
		for (const claims of guests) {
			expect(codeAt({ guests: 'deny' }, claims), JSON.stringify(claims)).toBe('PC_TOKEN_GUEST');
			expect(codeAt({ guests: 'allow' }, claims)).toBe('accepted');
			expect(codeAt({}, claims)).toBe('accepted');
		}
		for (const claims of [{}, { acct: 0 }, { idp: 'https://i/t' }, { idp: own }, { acct: '0', idp: own }]) {
			expect(codeAt({ guests: 'deny' }, claims)).toBe('accepted');
		}
	});
});

describe('groups and roles', () => {
	it('are unknown when the token says that the list was too long to include', () => {
		expect(check({ hasgroups: true }).groups).toBe('unknown');
		expect(check({ hasgroups: 'true' }).groups).toBe('unknown');
		expect(check({ _claim_names: { groups: 'src1' } }).groups).toBe('unknown');
		expect(check({ _claim_names: '{"groups":"src1"}' }).groups).toBe('unknown');
	});

	it('are empty when the token says nothing of the sort', () => {
		expect(check().groups).toEqual([]);
		expect(check({ hasgroups: false, _claim_names: { other: 'src1' } }).groups).toEqual([]);
		expect(check({ groups: ['a'], hasgroups: true }).groups).toEqual(['a']);
	});

	it.each(['groups', 'roles'])('%s must be a list of at most 10,000 texts', (name) => {
		expect(codeOf({ [name]: Array(10_000).fill('g') })).toBe('accepted');
		for (const value of [null, 'MCP-Admin', { 0: 'g' }, ['g', 7], [['g']], [null], Array(10_001).fill('g')]) {
			expect(codeOf({ [name]: value })).toBe('PC_TOKEN_MALFORMED');
		}
	});
});

it('whatever the claims are, the outcome is verified claims or a code of the table', () => {
	const names = [
		'oid',
		'sub',
		'name',
		'scp',
		'roles',
		'groups',
		'exp',
		'nbf',
		'iat',
		'nonce',
		'hasgroups',
		'_claim_names',
	];
	const claims = fc.dictionary(fc.constantFrom(...names), fc.jsonValue());
	fc.assert(
		fc.property(claims, (overrides) => {
			expect(codeOf(overrides)).toMatch(/^(accepted|PC_TOKEN_[A-Z_]+)$/);
		}),
	);
});
