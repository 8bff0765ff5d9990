import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createDemoDirectory, type DemoPerson } from '../../src/cli/demo-directory.ts';
import { demoPaths, prepareDemoFolder, writeDemoConfig } from '../../src/cli/demo-folder.ts';
import type { AccessLevel, ToolRule } from '../../src/config/snapshot.ts';
import { LISTS } from '../../src/mcp/methods.ts';
import { type Company, startCompany } from '../fakes/tenancy-company.ts';
import { createJudge, type Judge } from '../fakes/tenancy-judge.ts';
import { deedAt, deedOf, keysOf, type Row, readMatrix, rowsOf, withToolset } from '../fakes/tenancy-matrix.ts';
import { BUILDS } from '../fakes/tenancy-upstream.ts';
import { responseIn } from '../fakes/tenancy-wire.ts';

const MATRIX = readMatrix(new URL('./matrix.yaml', import.meta.url));
const ROWS = rowsOf(MATRIX);
const PLACES = Object.entries(MATRIX.servers).flatMap(([workspace, servers]) =>
	Object.keys(servers).map((server) => ({ workspace, server })),
);
const OPERATIONS = Object.keys(MATRIX.operations);

let company: Company;
let judge: Judge;
let refused: readonly string[];
/** Deeds that somebody was seen to do. */
const done = new Set<string>();

beforeAll(async () => {
	const { servers, grants, rules, picked } = MATRIX;
	const workspaceOf = (workspace: string) => withToolset(Object.keys(servers[workspace]!), picked);
	const keys = keysOf(MATRIX);
	const entryOf = () => ({ tools: { rules } });
	company = await startCompany({ servers, grants, workspaceOf, entryOf, keys: [...keys.values()] });
	({ judge, refused } = createJudge(company, MATRIX, keys));
});
afterAll(() => company.close());

function rowsFor(wanted: Pick<Row, 'person' | 'workspace' | 'server' | 'operation'>): readonly Row[] {
	const members = Object.entries(wanted) as [keyof Row, string][];
	return ROWS.filter((row) => members.every(([name, value]) => row[name] === value));
}

async function faultsOf(rows: readonly Row[]): Promise<readonly string[]> {
	const faults: string[] = [];
	for (const row of rows) {
		const found = await judge(row);
		faults.push(...found);
		if (row.allowed && found.length === 0) done.add(deedOf(row));
	}
	return faults;
}

describe.each(Object.keys(MATRIX.people))('%s', (person) => {
	for (const { workspace, server } of PLACES) {
		for (const operation of OPERATIONS) {
			const rows = rowsFor({ person, workspace, server, operation });
			const may = rows.some(({ allowed }) => allowed) ? 'may' : 'may not';
			it(`${may} ${operation} of ${workspace}/${server}`, async () => expect(await faultsOf(rows)).toEqual([]));
		}
	}
});

describe('the matrix as it was played', () => {
	it('has seen somebody do whatever anybody was refused', () => {
		const forbidden = ROWS.filter((row) => !row.allowed && row.possible);
		expect(forbidden.map(deedOf).filter((deed) => !done.has(deed))).toEqual([]);
		expect(forbidden.length).toBeGreaterThan(0);
	});

	it('has seen nothing refused arrive anywhere, not even later', () => {
		expect(refused.length).toBe(ROWS.filter((row) => !row.allowed).length);
		const late = refused
			.flatMap((marker) => [marker, `${marker}-twin`])
			.filter((each) => company.sightings(each).length > 0);
		expect(late).toEqual([]);
	});

	it('has tripped no wire', async () => {
		const metrics = await (await fetch(`${company.gateway.operatorUrl}/metrics`)).text();
		expect(metrics).toMatch(/^portcullis_tripwire_total 0$/m);
		expect(metrics).toMatch(/^portcullis_misdirected_total 0$/m);
	});

	it('reports every row as wrong when the expectation is turned round', async () => {
		const some = ROWS.filter((row, index) => index % 37 === 0 && row.inside);
		expect(some.length).toBeGreaterThan(20);
		for (const row of some) {
			const turned = await judge({ ...row, allowed: !row.allowed });
			expect(turned, deedOf(row)).not.toEqual([]);
		}
	});

	it('lets the admin call the disabled tool once its rule is gone', async () => {
		const { exotic: _exotic, ...rules } = MATRIX.rules;
		await company.gateway.reconfigure(company.config(() => ({ tools: { rules } })));
		for (const { workspace, server } of PLACES) {
			for (const { era, address } of rowsFor({
				person: 'admin',
				workspace,
				server,
				operation: 'call a disabled tool',
			})) {
				const caller = company.caller({ name: 'admin', groups: MATRIX.people['admin']!.groups ?? [] }, era);
				const marker = `MARK-enabled-${workspace}-${server}-${era}-${address}`;
				const place = { workspace, server, suffix: '' };
				const deed = deedAt(MATRIX.operations['call a disabled tool']!, address, place, marker);
				const answer = await caller.send(deed.path, deed.method, deed.params);
				expect(responseIn(answer).result, answer.body).toBeDefined();
				expect(company.sightings(marker)).toEqual([`${workspace}/${server}`]);
			}
		}
	});
});

describe('the matrix is complete', () => {
	let folder: string;
	let config: {
		readonly workspaces: Record<string, { servers: Record<string, { transport: string }> }>;
		grants: unknown;
	};
	let people: readonly DemoPerson[];

	beforeAll(async () => {
		folder = mkdtempSync(join(tmpdir(), 'portcullis-matrix-'));
		const paths = demoPaths(folder);
		prepareDemoFolder(paths);
		const demo = await createDemoDirectory(paths.directory);
		people = demo.people;
		const directory = {
			id: 'demo',
			issuer: demo.issuer,
			tenantId: demo.tenantId,
			audiences: [demo.audience],
			jwksUrl: 'http://127.0.0.1:1/keys',
		};
		writeDemoConfig(paths, directory, { google: 'http://127.0.0.1:1/mcp', microsoft: 'http://127.0.0.1:1/sse' });
		config = parse(readFileSync(paths.config, 'utf8')) as typeof config;
	});
	afterAll(() => rmSync(folder, { recursive: true, force: true }));

	it('has the people of the demo, with their groups', () => {
		const groups = (name: string) => MATRIX.people[name]?.groups;
		const named = Object.keys(MATRIX.people).filter((name) => groups(name) !== undefined);
		expect(named).toEqual(people.map(({ email }) => email.split('@')[0]));
		for (const person of people) expect(groups(person.email.split('@')[0]!)).toEqual(person.groups);
	});

	it('has the grants of the demo', () => expect(MATRIX.grants).toEqual(config.grants));

	it('has the servers of the demo, over the same transports', () => {
		const transports = (workspace: string) =>
			Object.entries(MATRIX.servers[workspace] ?? {}).map(([slug, build]) => [slug, build.split('-')[0]]);
		expect(Object.keys(MATRIX.servers)).toEqual(Object.keys(config.workspaces));
		for (const [workspace, { servers }] of Object.entries(config.workspaces)) {
			const demo = Object.entries(servers).map(([slug, { transport }]) => [slug, transport]);
			expect(transports(workspace), workspace).toEqual(expect.arrayContaining(demo));
		}
	});

	it('has servers of both eras over every transport', () => {
		const builds = Object.values(MATRIX.servers).flatMap((servers) => Object.values(servers));
		expect(BUILDS.filter((build) => build !== 'http-sessionless' && !builds.includes(build))).toEqual([]);
	});

	it('says of every person what is held in every workspace', () => {
		for (const [name, { holds }] of Object.entries(MATRIX.people)) {
			expect(Object.keys(holds), name).toEqual(Object.keys(MATRIX.servers));
		}
	});

	type Judging = Exclude<keyof ToolRule, 'description'>;

	// The types make these lists complete: a new level or member of a tool rule is an error here until it is named.
	it('has every level, and every way in which a rule changes who may call a tool', () => {
		const levels = Object.keys({ read: 0, write: 1, admin: 2 } satisfies Record<AccessLevel, number>);
		const rule = Object.keys({ enabled: 0, minimumLevel: 0, readable: 0, definitionDigest: 0 } satisfies Record<
			Judging,
			number
		>);
		const operations = Object.values(MATRIX.operations);
		expect(MATRIX.levels).toEqual(levels);
		expect(operations.map(({ needs }) => needs)).toEqual(expect.arrayContaining([...levels, 'nobody']));
		expect(operations.flatMap((each) => each.rule ?? []).sort()).toEqual(rule.sort());
	});

	it('has every kind of list', () => {
		const kinds = Object.values(MATRIX.operations).flatMap(({ lists }) => lists ?? []);
		expect(kinds.sort()).toEqual(Object.keys(LISTS).sort());
	});

	it('has both eras and every address', () => {
		expect(MATRIX.eras).toEqual(['legacy', 'modern']);
		expect(MATRIX.addresses).toEqual(['server', 'workspace', 'toolset', 'all']);
		expect(ROWS).toHaveLength(8 * 9 * 2 * (14 * 3 + 11));
	});
});
