/** Family of MCP revisions a side speaks: `legacy` has the handshake and sessions, `modern` is 2026-07-28. */
export type Era = 'legacy' | 'modern';

/** A build of the fixture server. */
export type Build = 'legacy-http' | 'modern-http' | 'legacy-sse' | 'legacy-stdio' | 'modern-stdio';

/** One official set of scenarios: a package at one version, and what it is asked to run. */
export interface Suite {
	/** How people and baselines call it. */
	readonly name: string;
	/** The package, by the name it is installed under. */
	readonly package: string;
	/** Options that choose the scenarios. */
	readonly selection: readonly string[];
	/** Options that run one scenario as the selection would. */
	readonly single: readonly string[];
	/** File of the package that says which scenarios are required; without one all of them are. */
	readonly requirements?: string;
}

/** Who meets whom in a run, and what is asked of them. */
export interface Run {
	/** `{caller}-to-{other side}`, or `direct-to-{other side}` without the gateway; also the name of the baseline file. */
	readonly pair: string;
	/** Names the run, and the server it has for itself in the gateway. */
	readonly id: string;
	readonly caller: Era;
	readonly suite: Suite;
	/** Which side of MCP the suite tests. */
	readonly side: 'server' | 'client';
	readonly isDirect: boolean;
}

/** A run of a server suite: the suite calls, the fixture answers. */
export interface ServerRun extends Run {
	readonly side: 'server';
	readonly build: Build;
}

/** A run of a client suite: the driver calls, the mock server of the suite answers. */
export interface ClientRun extends Run {
	readonly side: 'client';
	/** What the mock server speaks. */
	readonly mock: Era;
}

/** The suite as it was released for the revisions with sessions. */
export const RELEASED: Suite = {
	name: '0.1.16',
	package: 'conformance-legacy',
	selection: ['--suite', 'active'],
	single: [],
};

/** The scenarios that 2025-11-25 requires. */
export const LEGACY: Suite = requiredFor('2025-11-25');

/** The scenarios that 2026-07-28 requires. */
export const MODERN: Suite = requiredFor('2026-07-28');

const ERAS: readonly Era[] = ['legacy', 'modern'];
const BUILDS: readonly Build[] = ['legacy-http', 'modern-http', 'legacy-sse', 'legacy-stdio', 'modern-stdio'];
const SUITES: Readonly<Record<Era, readonly Suite[]>> = { legacy: [LEGACY, RELEASED], modern: [MODERN] };

function requiredFor(revision: string): Suite {
	return {
		name: revision,
		package: 'conformance-modern',
		selection: ['--requirements', revision],
		single: ['--spec-version', revision, '--force'],
		requirements: `requirements/${revision}.yaml`,
	};
}

/** Every run of a server suite: direct ones first, then each caller with each build. */
export function listServerRuns(): readonly ServerRun[] {
	const direct = ERAS.flatMap((caller) => serverRuns(caller, { build: `${caller}-http`, isDirect: true }));
	const through = ERAS.flatMap((caller) => BUILDS.flatMap((build) => serverRuns(caller, { build, isDirect: false })));
	return [...direct, ...through];
}

/** Every run of a client suite: direct ones first, then each caller with the mock servers of each family. */
export function listClientRuns(): readonly ClientRun[] {
	const direct = ERAS.flatMap((mock) => clientRuns(mock, { mock, isDirect: true }));
	const through = ERAS.flatMap((caller) => ERAS.flatMap((mock) => clientRuns(caller, { mock, isDirect: false })));
	return [...direct, ...through];
}

function serverRuns(caller: Era, { build, isDirect }: Pick<ServerRun, 'build' | 'isDirect'>): ServerRun[] {
	return SUITES[caller].map((suite) => ({ ...runOf(caller, build, { suite, isDirect }), side: 'server', build }));
}

function clientRuns(caller: Era, { mock, isDirect }: Pick<ClientRun, 'mock' | 'isDirect'>): ClientRun[] {
	const to = `${mock}-mock`;
	return SUITES[mock].map((suite) => ({ ...runOf(caller, to, { suite, isDirect }), side: 'client', mock }));
}

function runOf(caller: Era, to: string, { suite, isDirect }: Pick<Run, 'suite' | 'isDirect'>): Omit<Run, 'side'> {
	const pair = `${isDirect ? 'direct' : caller}-to-${to}`;
	return { pair, id: `${pair}-${suite.name.replaceAll('.', '-')}`, caller, suite, isDirect };
}
