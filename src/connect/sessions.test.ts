import { beforeEach, describe, expect, it } from 'vitest';
import { snapshotOf } from '../../test/fakes/snapshot.ts';
import type { GrantRule, Snapshot } from '../config/snapshot.ts';
import { derivedKey } from '../credentials/derived-key.ts';
import type { VerifiedClaims } from '../identity/check-claims.ts';
import type { SignInDirectory } from '../identity/sign-in/sign-in-directory.ts';
import { createSecret } from '../lib/secret.ts';
import { createConnectLinks } from './links.ts';
import { createSealerOf } from './sealers.ts';
import { createSessions, SESSION_S, SIGN_IN_S } from './sessions.ts';

const GROUPS = Array.from({ length: 200 }, (_, at) => `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`);

function directory(id: string, secret = `${id}-secret`): SignInDirectory {
	const signIn = {
		clientId: 'web',
		clientSecret: createSecret(secret),
		authorizeUrl: 'https://a',
		tokenUrl: 'https://t',
	};
	return { id, issuer: `https://${id}.example`, tenantId: id, audiences: ['a'], jwksUrl: 'https://k', signIn };
}

const rule = (value: string, claim: 'group' | 'role' = 'group'): GrantRule => {
	return { name: 'r', directory: undefined, match: { claim, value }, workspace: 'google', level: 'read' };
};

let snapshot: Snapshot;
let now = 0;
const snapshots = { current: () => snapshot };
const [CONTOSO, FABRIKAM] = [directory('contoso'), directory('fabrikam')];

function process() {
	const sealerOf = createSealerOf(derivedKey);
	const sessions = createSessions({ snapshots, sealerOf, now: () => now });
	return { sessions, links: createConnectLinks(snapshots, sealerOf) };
}

function claims(parts: Partial<VerifiedClaims> = {}): VerifiedClaims {
	const person = { directory: 'contoso', issuer: CONTOSO.issuer, tid: 'contoso', oid: 'ada', name: 'Ada' };
	return { ...person, groups: [], roles: [], scopes: ['person'], expiresAt: 0, ...parts };
}

beforeEach(() => {
	now = 1_800_000_000_000;
	snapshot = snapshotOf([], {
		directories: [CONTOSO, FABRIKAM],
		grantRules: [...GROUPS.map((each) => rule(each)), rule('Reader', 'role')],
		names: { url: 'https://mcp.example.com', hosts: new Set<string>(), origins: new Set<string>() },
	});
});

describe('a session', () => {
	it('is opened by every process that has the same secret', () => {
		const session = process().sessions.begin(claims({ groups: [GROUPS[3] as string], roles: ['Reader'] }));
		const opened = process().sessions.open(process().sessions.seal(session));
		expect(opened).toEqual({ ...session, claims: { ...session.claims, vouchedBy: 'sign-in' } });
	});

	it('is over after an hour, whatever the browser thinks', () => {
		const { sessions } = process();
		const text = sessions.seal(sessions.begin(claims()));
		now += SESSION_S * 1_000 - 1;
		expect(sessions.open(text)).toBeDefined();
		now += 1;
		expect(sessions.open(text)).toBeUndefined();
	});

	it('is of its directory alone', () => {
		const { sessions } = process();
		const [, sealed] = sessions.seal(sessions.begin(claims())).split('.');
		expect(sessions.open(`fabrikam.${sealed}`)).toBeUndefined();
		expect(sessions.open(`contoso.${sealed}`)).toBeDefined();
	});

	it('ends with the secret, the directory, and signing out', () => {
		const { sessions } = process();
		const session = sessions.begin(claims());
		const text = sessions.seal(session);
		for (const directories of [[directory('contoso', 'another'), FABRIKAM], [FABRIKAM], []]) {
			const before = snapshot;
			snapshot = { ...snapshot, directories };
			expect(sessions.open(text)).toBeUndefined();
			snapshot = before;
		}
		sessions.end(session);
		expect(sessions.open(text)).toBeUndefined();
	});

	it('fits into a cookie with all groups that count, and has them looked up where they are too many', () => {
		const { sessions } = process();
		const few = sessions.begin(claims({ groups: [...GROUPS.slice(0, 40), 'of no grant'], name: '👍'.repeat(256) }));
		expect(few.claims.groups).toEqual(GROUPS.slice(0, 40));
		expect(sessions.seal(few).length).toBeLessThan(4_000);
		expect(sessions.begin(claims({ groups: GROUPS })).claims.groups).toBe('unknown');
		expect(sessions.begin(claims({ groups: 'unknown' })).claims.groups).toBe('unknown');
	});

	it('is no sign-in, no form and no link, nor is any of those another', () => {
		const { sessions, links } = process();
		const session = sessions.begin(claims());
		const pending = { directory: 'contoso', state: 's', nonce: 'n', verifier: 'v', redirectUri: 'r' };
		const begun = sessions.sealSignIn({ pending, to: '/connect' });
		expect(sessions.openSignIn(begun)).toEqual({ pending, to: '/connect' });
		const link = links.linkFor(session.claims, { workspaceId: 'w', slug: 's' })?.split('for=')[1] ?? '';
		const form = sessions.formToken(session);
		for (const text of [begun, `contoso.${form}`, `contoso.${link}`]) expect(sessions.open(text)).toBeUndefined();
		for (const text of [sessions.seal(session), `contoso.${form}`]) expect(sessions.openSignIn(text)).toBeUndefined();
		for (const text of [link, begun.split('.')[1] ?? '']) expect(sessions.isFormToken(session, text)).toBe(false);
		expect(links.openFor(session.claims, form)).toBeUndefined();
		now += SIGN_IN_S * 1_000;
		expect(sessions.openSignIn(begun)).toBeUndefined();
	});
});

describe('the token of a form', () => {
	it('is of one session', () => {
		const { sessions } = process();
		const [one, other] = [sessions.begin(claims()), sessions.begin(claims())];
		const token = sessions.formToken(one);
		expect(process().sessions.isFormToken(one, token)).toBe(true);
		expect(sessions.isFormToken(other, token)).toBe(false);
		expect(sessions.formToken(one)).not.toBe(token);
	});
});

describe('a link from a refused call', () => {
	const ADA = claims();

	it('tells its person, in every process, which server it was', () => {
		const link = process().links.linkFor(ADA, { workspaceId: 'w-1', slug: 'drive' }) ?? '';
		expect(link).toMatch(/^https:\/\/mcp\.example\.com\/connect\/call\?for=[\w-]{60,220}$/);
		expect(process().links.openFor(ADA, link.split('for=')[1] ?? '')).toEqual({ workspaceId: 'w-1', server: 'drive' });
	});

	it('tells nobody else, and no other directory', () => {
		const { links } = process();
		const reference = links.linkFor(ADA, { workspaceId: 'w-1', slug: 'drive' })?.split('for=')[1] ?? '';
		expect(links.openFor({ ...ADA, oid: 'bob' }, reference)).toBeUndefined();
		expect(links.openFor(claims({ issuer: FABRIKAM.issuer, tid: 'fabrikam' }), reference)).toBeUndefined();
		expect(links.openFor(ADA, `${reference}A`)).toBeUndefined();
		expect(Buffer.from(reference, 'base64url').toString('latin1')).not.toMatch(/drive|ada|w-1/);
	});

	it('is not made where the person could not sign in, or the gateway does not know its address', () => {
		const { links } = process();
		expect(links.linkFor({ ...ADA, tid: 'other' }, { workspaceId: 'w', slug: 's' })).toBeUndefined();
		snapshot = { ...snapshot, names: { ...snapshot.names, url: undefined } };
		expect(links.linkFor(ADA, { workspaceId: 'w', slug: 's' })).toBeUndefined();
	});
});
