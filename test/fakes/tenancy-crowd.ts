import { ERAS } from './tenancy-caller.ts';
import { environmentOf, type Servers, startServers } from './tenancy-company.ts';
import { act, greet, type Judged } from './tenancy-crowd-calls.ts';
import { createMember, type Member } from './tenancy-crowd-member.ts';
import { pathAt } from './tenancy-matrix.ts';
import { type GatewayProcess, startGatewayProcess } from './tenancy-process.ts';
import type { Build, Upstream } from './tenancy-upstream.ts';
import type { Delivery } from './tenancy-wire.ts';

/** How large a crowd is, and where it goes. */
export interface CrowdPlan {
	readonly workspaces: number;
	/** People of each workspace, at least four: two of each era. */
	readonly peopleEach: number;
	readonly seed: number;
	/** Entry point of the gateway; the one of the build unless told. */
	readonly main?: string;
	/** Servers that are asked for nothing in which they would ask back. */
	isSilent?(workspace: string, build: Build): boolean;
}

/** A server whose process or sessions are ended in the middle. */
export interface Casualty {
	readonly workspace: string;
	readonly build: Build;
	/** How calls that it hits may end. */
	readonly codes: readonly string[];
}

/** What came of many calls. */
export interface CrowdReport {
	readonly calls: number;
	/** Calls of whoever made the fewest. */
	readonly fewest: number;
	/** Everything that was not as it must be. */
	readonly faults: readonly string[];
	/** Codes of the calls that a casualty hit. */
	readonly hits: readonly string[];
}

/** Many people of many workspaces before one gateway, which runs in a process of its own. */
export interface Crowd {
	readonly people: readonly Member[];
	readonly servers: Servers;
	/**
	 * Everybody calls at once until there were so many calls. In the middle `strike` is called once, and what it gives is
	 * what may fail from then on.
	 */
	run(calls: number, strike?: () => readonly Casualty[]): Promise<CrowdReport>;
	/** Everybody greets every server; what is wrong with the answers. */
	greetAll(): Promise<readonly string[]>;
	/** A call of a member that lasts until it is ended, and the promise that it has begun. */
	linger(member: Member, build: Build): { readonly begun: Promise<void>; readonly answer: Promise<Delivery> };
	metrics(): Promise<string>;
	close(): Promise<void>;
}

const JITTER_MS = 15;
const LET_GO_EVERY = 2_000;

/** Starts servers, gateway and people. */
export async function startCrowd(plan: CrowdPlan): Promise<Crowd> {
	const workspaces = Array.from({ length: plan.workspaces }, (_, index) => `w${String(index).padStart(2, '0')}`);
	const servers = await startServers({
		servers: Object.fromEntries(workspaces.map((workspace, index) => [workspace, serversOf(index)])),
		grants: workspaces.map((workspace) => ({ group: workspace, workspace, access: 'write' })),
		entryOf: ({ slug }) => (slug === 'stdio-modern' ? { clientFeatures: ['elicitation'] } : {}),
		jitterMs: JITTER_MS,
	});
	const options = { logLevel: 'info', main: plan.main };
	const env = { PATH: process.env['PATH'] ?? '', ...environmentOf(servers.secrets) };
	const gateway = await startGatewayProcess(servers.config(), env, options).catch(async (error: unknown) => {
		await servers.close();
		throw error;
	});
	const people = createPeople(plan, workspaces, gateway);
	const canaryOf = (workspace: string, build: Build): string => servers.upstream(workspace, build).canary;
	return {
		people,
		servers,
		run: (calls, strike) => run({ people, servers, calls, strike, turn: (member) => act(member, canaryOf) }),
		async greetAll() {
			const greetings = people.map(async (member) => {
				const judged: Judged[] = [];
				for (const build of member.servers) judged.push(await greetAgain(member, () => greet(member, build, canaryOf)));
				return judged.flatMap(({ faults, refusal }) => (refusal === undefined ? faults : [...faults, refusal]));
			});
			return (await Promise.all(greetings)).flat();
		},
		linger,
		metrics: async () => (await fetch(`${gateway.operatorUrl}/metrics`)).text(),
		async close() {
			await gateway.stop();
			await gateway.close();
			await servers.close();
		},
	};
}

/** Every build but children of both eras, of which each workspace has one: a process is dear. */
function serversOf(index: number): Readonly<Record<string, Build>> {
	const child = index % 2 === 0 ? 'stdio-legacy' : 'stdio-modern';
	const builds: readonly Build[] = ['http-legacy', 'http-modern', 'sse', child];
	return Object.fromEntries(builds.map((build) => [build, build]));
}

function createPeople(plan: CrowdPlan, workspaces: readonly string[], gateway: GatewayProcess): readonly Member[] {
	const people: Member[] = [];
	for (let number = 0; number < plan.workspaces * plan.peopleEach; number++) {
		const index = number % plan.workspaces;
		const workspace = workspaces[index]!;
		const name = `person-${number}`;
		const servers = Object.values(serversOf(index));
		// Two rounds of the workspaces further on is the next one of the same workspace and era.
		const next = (number + 2 * plan.workspaces) % (plan.workspaces * plan.peopleEach);
		people.push(
			createMember({
				...{ name, workspace, url: gateway.url, seed: plan.seed + number },
				era: ERAS[Math.floor(number / plan.workspaces) % 2]!,
				servers,
				asking: servers.filter((build) => build !== 'stdio-legacy' && plan.isSilent?.(workspace, build) !== true),
				token: gateway.directory.token({ groups: [workspace], oid: name, exp: Math.floor(Date.now() / 1_000) + 3_600 }),
				colleague: () => people[next]!,
			}),
		);
	}
	return people;
}

interface Running {
	readonly people: readonly Member[];
	readonly servers: Servers;
	readonly calls: number;
	readonly strike: (() => readonly Casualty[]) | undefined;
	turn(member: Member): Promise<Judged>;
}

async function run({ people, servers, calls, strike, turn }: Running): Promise<CrowdReport> {
	const faults: string[] = [];
	const hits: string[] = [];
	const sharing = createSharingWatch(servers.upstreams);
	let casualties: readonly Casualty[] = [];
	let begun = 0;
	const oneTurn = async (member: Member): Promise<void> => {
		const { build, refusal, ...judged } = await turn(member);
		faults.push(...judged.faults);
		if (refusal === undefined) return;
		const struck = casualties.find((each) => each.workspace === member.workspace && each.build === build);
		if (struck?.codes.includes(refusal)) hits.push(refusal);
		else faults.push(`${member.name} of ${member.workspace}, ${build}: ${refusal}`);
		if (refusal === 'PC_SESSION_UNKNOWN') member.startAnew();
	};
	const shares = people.map(async (member) => {
		let own = 0;
		for (let call = ++begun; call <= calls; call = ++begun, own++) {
			if (call === Math.floor(calls / 2) && strike !== undefined) casualties = strike();
			if (call % LET_GO_EVERY === 0) sharing.look();
			await oneTurn(member);
		}
		return own;
	});
	const counts = await Promise.all(shares);
	sharing.look();
	const total = counts.reduce((sum, count) => sum + count, 0);
	return { calls: total, fewest: Math.min(...counts), faults: [...faults, ...sharing.faults()], hits };
}

/** Sees whose answers arrive in which session of a server: a session in which people are asked is one person's. */
function createSharingWatch(upstreams: readonly Upstream[]): { look(): void; faults(): readonly string[] } {
	const askedIn = new Map<string, Set<string>>();
	return {
		look() {
			for (const { seen, forgetRequests } of upstreams) {
				for (const { headers, path, body } of seen) {
					const name = (body as { result?: { content?: { name?: string } } } | undefined)?.result?.content?.name;
					const session = headers['mcp-session-id'] ?? path;
					if (name !== undefined) askedIn.set(`${session}`, (askedIn.get(`${session}`) ?? new Set()).add(name));
				}
				forgetRequests();
			}
		},
		faults: () =>
			[...askedIn.values()].filter((names) => names.size > 1).map((names) => `one session asked ${[...names].join()}`),
	};
}

// A session that was ended is begun anew once; then all must be well.
async function greetAgain(member: Member, greeting: () => Promise<Judged>): Promise<Judged> {
	const first = await greeting();
	if (first.refusal !== 'PC_SESSION_UNKNOWN') return first;
	member.startAnew();
	return greeting();
}

function linger(member: Member, build: Build): ReturnType<Crowd['linger']> {
	let onText = (): void => undefined;
	const begun = new Promise<void>((resolve) => {
		onText = resolve;
	});
	const path = pathAt('server', { workspace: member.workspace, server: build });
	const params = { name: 'slow', arguments: { ms: 60_000, steps: 2 }, _meta: { progressToken: 7 } };
	return { begun, answer: member.caller('plain').send(path, 'tools/call', params, { id: 'hit', onText }) };
}
