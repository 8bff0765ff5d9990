import { createVisits, type Visited, type Visits } from './browser-visits.ts';
import { type FakeDirectory, startFakeDirectory } from './directory.ts';
import type { Beside, TestGateway } from './gateway.ts';
import { startGateway } from './gateway.ts';
import { type Person, type SignInProvider, startSignInProvider } from './sign-in-provider.ts';

/** Ada has google and a part of microsoft, Bob microsoft alone; Eve has nothing. */
export const ADA: Person = { oid: 'ada-oid', name: 'Ada Lovelace', groups: ['google-people', 'ms-people'] };
export const BOB: Person = { oid: 'bob-oid', name: 'Bob <b>Builder</b> & "Sons"', groups: ['ms-people'] };
export const EVE: Person = { oid: 'eve-oid', name: 'Eve', groups: [] };

/** A gateway whose people sign in with a browser. */
export interface ConnectStage {
	readonly gateway: TestGateway;
	readonly directory: FakeDirectory;
	readonly provider: SignInProvider;
	/** What it was started with, to change parts of. */
	readonly config: Readonly<Record<string, unknown>>;
	/** A browser in which this person has signed in, coming from `at`. */
	signedIn(person: Person, at?: string): Promise<{ readonly visits: Visits; readonly landed: Visited }>;
	close(): Promise<void>;
}

const server = (title: string) => ({ title, transport: 'http', url: 'https://upstream.example/mcp' });

/** Starts it, with a provider that signs like the directory. */
export async function startConnectStage(beside: Beside = {}, more: object = {}): Promise<ConnectStage> {
	const directory = await startFakeDirectory();
	const provider = await startSignInProvider(directory, [ADA, BOB, EVE]);
	const config = {
		directories: [{ ...directory.directory, signIn: provider.entry }],
		workspaces: {
			google: { title: 'Google', servers: { drive: server('Drive'), mail: server('Mail') } },
			microsoft: { title: 'Microsoft', servers: { graph: server('Graph'), keys: server('Keys') } },
			secret: { title: 'Secret Project', servers: { vault: server('Hidden Vault') } },
		},
		grants: [
			{ group: 'google-people', workspace: 'google', access: 'write' },
			{ group: 'ms-people', workspace: 'microsoft', access: 'write' },
			{ group: 'secret-people', workspace: 'secret', access: 'write' },
		],
		...more,
	};
	const gateway = await startGateway(config, provider.secrets, beside);
	return {
		...{ gateway, directory, provider, config },
		async signedIn(person, at = '/connect') {
			const visits = createVisits();
			const first = await visits.get(gateway.url + at);
			const link = /href="(\/connect\/sign-in\?[^"]+)"/.exec(first.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
			const { location } = await visits.get(gateway.url + link);
			const back = await visits.get(provider.agree(location, person.oid));
			return { visits, landed: await visits.get(gateway.url + back.location) };
		},
		async close() {
			await gateway.close();
			await provider.close();
			await directory.close();
		},
	};
}
