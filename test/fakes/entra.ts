import { randomUUID } from 'node:crypto';
import type { Directory } from '../../src/config/snapshot.ts';
import { type FakeDirectory, type FakeKey, makeKey, startFakeDirectory } from './directory.ts';

/** Members that differ between tokens; one with the value `undefined` is left out. */
export type Claims = Readonly<Record<string, unknown>>;

/** What a gateway is told of a directory. */
export type Narrowing = Partial<Pick<Directory, 'v1Issuer' | 'clientApps' | 'scopes' | 'guests' | 'audiences'>>;

/** One Entra tenant: its v2 and v1 tokens are signed with keys that all tenants share. */
export interface EntraTenant {
	readonly directory: FakeDirectory;
	readonly v1Issuer: string;
	readonly appIdUri: string;
	/** The entry of a configuration file that accepts both forms, laid over by `narrowing`. */
	entry(narrowing?: Narrowing): Record<string, unknown>;
	v2(claims?: Claims): string;
	v1(claims?: Claims): string;
	/** Of an application, by client credentials. */
	appOnly(claims?: Claims): string;
	/** As a client gets it beside its access token: for itself. */
	idToken(claims?: Claims): string;
	graphToken(): string;
	/** Of somebody in more than 200 groups. */
	overage(claims?: Claims): string;
	guest(claims?: Claims): string;
}

/** Two Entra tenants behind one key set, as all of Entra's are. */
export interface FakeEntra {
	readonly contoso: EntraTenant;
	readonly fabrikam: EntraTenant;
	/** The key that both sign with. */
	readonly key: FakeKey;
	close(): Promise<void>;
}

/** Object id of the person of all tokens that name no other. */
export const PERSON = '11111111-2222-4333-8444-555555555555';

/** What a key of Entra names as its issuer. */
export const ISSUER_TEMPLATE = 'https://login.fake.example/{tenantid}/v2.0';

const CLIENT = 'c11e0000-0000-4000-8000-000000000001';

/** Starts both. */
export async function startFakeEntra(): Promise<FakeEntra> {
	const key = await makeKey();
	const [contoso, fabrikam] = [await startTenant('contoso', key), await startTenant('fabrikam', key)];
	for (const { directory } of [contoso, fabrikam]) directory.publish([{ ...key.jwk, issuer: ISSUER_TEMPLATE }]);
	return {
		contoso,
		fabrikam,
		key,
		async close() {
			await contoso.directory.close();
			await fabrikam.directory.close();
		},
	};
}

async function startTenant(id: string, key: FakeKey): Promise<EntraTenant> {
	const directory = await startFakeDirectory({ id, tenantId: randomUUID(), key });
	const { tenantId, audiences } = directory.directory;
	const v1Issuer = `https://sts.fake.example/${tenantId}/`;
	const appIdUri = `api://gateway-${id}`;
	const app = { scp: undefined, idtyp: 'app', roles: ['Gateway.Reader'], sub: PERSON, preferred_username: undefined };
	const v2: EntraTenant['v2'] = (claims) => directory.token({ oid: PERSON, azp: CLIENT, ...claims });
	return {
		...{ directory, v1Issuer, appIdUri, v2 },
		entry: (narrowing) => ({
			...directory.directory,
			...{ v1Issuer: 'https://sts.fake.example/{tid}/', audiences: [...audiences, appIdUri] },
			...narrowing,
		}),
		v1: (claims) => {
			const form = { ver: '1.0', iss: v1Issuer, aud: appIdUri, azp: undefined, azpacr: undefined };
			return v2({ ...form, appid: CLIENT, appidacr: '0', upn: 'person@fake.example', ...claims });
		},
		appOnly: (claims) => v2({ ...app, ...claims }),
		idToken: (claims) => v2({ aud: CLIENT, scp: undefined, azp: undefined, nonce: randomUUID(), ...claims }),
		graphToken: () => {
			const graph = { ver: '1.0', iss: v1Issuer, aud: '00000003-0000-0000-c000-000000000000', scp: 'User.Read' };
			return directory.token({ oid: PERSON, ...graph }, { header: { nonce: randomUUID() } });
		},
		overage: (claims) => {
			const endpoint = `${new URL(directory.directory.jwksUrl).origin}/${tenantId}/users/${PERSON}/getMemberObjects`;
			const sources = { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint } } };
			return v2({ groups: undefined, ...sources, ...claims });
		},
		guest: (claims) => v2({ acct: 1, idp: `https://sts.windows.net/${randomUUID()}/`, ...claims }),
	};
}
