import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeDirectory, startFakeDirectory } from '../fakes/directory.ts';
import { createCaller, ERAS, type Era } from '../fakes/tenancy-caller.ts';
import { type Company, type Person, startCompany } from '../fakes/tenancy-company.ts';
import { type AddressKind, nameAt, pathAt } from '../fakes/tenancy-matrix.ts';
import type { Build } from '../fakes/tenancy-upstream.ts';
import { refusalIn, responseIn } from '../fakes/tenancy-wire.ts';
import { readStdioLog } from '../fakes/upstream.ts';

// Servers with `isolation: principal`: each person has a child or session to herself.

const CHILDREN = ['stdio-legacy', 'stdio-modern'] as const satisfies readonly Build[];
const SESSIONS = ['http-legacy', 'sse'] as const satisfies readonly Build[];
const BUILDS: readonly Build[] = [...CHILDREN, ...SESSIONS];
const ADDRESSES: readonly AddressKind[] = ['server', 'workspace', 'all'];
/** For polling on a machine that is busy with other things. */
const PATIENT = { timeout: 20_000 };
const ADA: Person = { name: 'ada', groups: ['MCP-Google'] };
const BEN: Person = { name: 'ben', groups: ['MCP-Google'] };

let company: Company;
let other: FakeDirectory;

beforeAll(async () => {
	company = await startCompany({
		servers: {
			google: { ...Object.fromEntries(BUILDS.map((build) => [build, build])), shared: 'stdio-legacy' },
			microsoft: { 'stdio-legacy': 'stdio-legacy' },
		},
		grants: [
			{ group: 'MCP-Google', workspace: 'google', access: 'write' },
			{ group: 'MCP-Both', workspace: '*', access: 'write' },
		],
		// What may be asked is told in sessions of its own; these are about the ones that everything else goes through.
		common: { clientFeatures: [] },
		entryOf: ({ slug }) => ({ isolation: slug === 'shared' ? 'shared' : 'principal' }),
	});
	other = await startFakeDirectory({ id: 'other' });
});
afterAll(async () => {
	await company.close();
	await other.close();
});

interface Way {
	readonly person: Person;
	readonly workspace?: string;
	readonly slug: string;
	readonly era?: Era;
	readonly address?: AddressKind;
}

/** Calls a tool in a chat of its own; the text of its result, or the code of its refusal. */
async function use(way: Way, tool: string, args: Readonly<Record<string, unknown>> = {}): Promise<string> {
	const { person, workspace = 'google', slug, era = 'legacy', address = 'server' } = way;
	const place = { workspace, server: slug, suffix: '' };
	const params = { name: nameAt(address, place, tool), arguments: args };
	const answer = await company.caller(person, era).send(pathAt(address, place), 'tools/call', params);
	return responseIn(answer).result?.content[0].text ?? refusalIn(answer);
}

const starts = (slug: string, workspace = 'google'): number =>
	readStdioLog(company.upstream(workspace, slug).logPath!).filter(({ event }) => event === 'start').length;

const secretWord = (person: Person, slug: string): string => `word of ${person.name} for ${slug}`;

async function rememberAll(slug: string): Promise<void> {
	for (const person of [ADA, BEN])
		await use({ person, slug }, 'remember', { key: 'word', value: secretWord(person, slug) });
}

describe.each(CHILDREN)('a personal child (%s)', (slug) => {
	it('remembers for each person what only that person said', async () => {
		await rememberAll(slug);
		const { canary } = company.upstream('google', slug);
		for (const person of [ADA, BEN]) {
			expect(await use({ person, slug }, 'recall', { key: 'word' })).toBe(`${canary}: ${secretWord(person, slug)}`);
		}
		expect(starts(slug)).toBe(2);
	});

	it('is the same for the same person, with whatever token, chat, era and address', async () => {
		for (const era of ERAS) {
			for (const address of ADDRESSES) {
				for (const person of [ADA, BEN]) {
					const text = await use({ person, slug, era, address }, 'recall', { key: 'word' });
					expect(text).toContain(secretWord(person, slug));
				}
			}
		}
		expect(starts(slug)).toBe(2);
	});

	it('is the same for a person who is in more groups today', async () => {
		const person = { ...ADA, groups: ['MCP-Both', 'MCP-Google'] };
		expect(await use({ person, slug }, 'recall', { key: 'word' })).toContain(secretWord(ADA, slug));
	});

	it('shows each person the list of tools as that person made it', async () => {
		const tools = async (person: Person): Promise<readonly string[]> => {
			const answer = await company.caller(person, 'legacy').send(`/w/google/s/${slug}/mcp`, 'tools/list');
			return responseIn(answer).result.tools.map(({ name }: { name: string }) => name);
		};
		await use({ person: ADA, slug }, 'toggle_tool');
		await expect.poll(() => tools(ADA), PATIENT).toContain('extra');
		expect(await tools(BEN)).not.toContain('extra');
		expect(await use({ person: BEN, slug }, 'extra')).toBe('PC_TOOL_UNKNOWN');
		expect(await use({ person: ADA, slug }, 'extra')).toContain('extra');
	});

	it('dies for its person alone', async () => {
		expect(await use({ person: ADA, slug }, 'crash')).toBe('PC_UPSTREAM_CRASHED');
		expect(await use({ person: BEN, slug }, 'recall', { key: 'word' })).toContain(secretWord(BEN, slug));
		expect(await use({ person: ADA, slug }, 'recall', { key: 'word' })).toContain('(nothing)');
		expect(starts(slug)).toBe(3);
	});
});

describe.each(SESSIONS)('a personal session (%s)', (slug) => {
	/** The upstream's own session that a call arrived in. */
	async function sessionOf(way: Way): Promise<string> {
		const marker = `MARK-${Math.random().toString(36).slice(2)}`;
		await use(way, 'echo', { text: marker });
		const seen = company.upstream('google', slug).seen.findLast(({ text }) => text.includes(marker))!;
		return String(slug === 'sse' ? seen.path : seen.headers['mcp-session-id']);
	}

	it('is another for another person, and the same for the same', async () => {
		// The address of one http server carries each chat in a session of its own; the gateway's are used elsewhere.
		const ways = ERAS.flatMap((era) => ADDRESSES.map((address) => ({ era, address })));
		const held = ways.filter(({ era, address }) => slug === 'sse' || era === 'modern' || address !== 'server');
		const sessions = async (person: Person): Promise<readonly string[]> =>
			Promise.all(held.map((way) => sessionOf({ person, slug, ...way })));
		const [adas, bens] = [new Set(await sessions(ADA)), new Set(await sessions(BEN))];
		expect([adas.size, bens.size]).toEqual([1, 1]);
		expect(adas).not.toEqual(bens);
		expect([...adas, ...bens]).not.toContain('undefined');
	});

	it('is never the one of somebody else in whatever chat', async () => {
		const sessions = await Promise.all([ADA, BEN, ADA].map((person) => sessionOf({ person, slug })));
		expect(new Set(sessions).size).toBe(2);
	});
});

describe('a shared child', () => {
	it('is one for everybody of the workspace, which is what makes the others personal', async () => {
		await use({ person: ADA, slug: 'shared' }, 'remember', { key: 'word', value: 'ours' });
		expect(await use({ person: BEN, slug: 'shared' }, 'recall', { key: 'word' })).toContain('ours');
		expect(starts('shared')).toBe(1);
	});
});

describe('a person', () => {
	it('has another child in another workspace', async () => {
		const both = { name: 'both', groups: ['MCP-Both'] };
		const slug = 'stdio-legacy';
		await use({ person: both, slug }, 'remember', { key: 'word', value: 'for google' });
		expect(await use({ person: both, slug, workspace: 'microsoft' }, 'recall', { key: 'word' })).toContain('(nothing)');
		expect(await use({ person: both, slug }, 'recall', { key: 'word' })).toContain('for google');
	});

	it('is somebody else when another directory says the same', async () => {
		const config = company.config();
		const grants = [company.gateway.directory, other].map(({ directory }) => ({
			...{ group: 'MCP-Google', workspace: 'google', access: 'write', directory: directory.id },
		}));
		const directories = [company.gateway.directory.directory, other.directory];
		await company.gateway.reconfigure({ ...config, grants, directories });
		const [slug, path] = ['stdio-legacy', '/w/google/s/stdio-legacy/mcp'] as const;
		await use({ person: BEN, slug }, 'remember', { key: 'word', value: secretWord(BEN, slug) });
		// The same object id, groups and address, and even the same Entra tenant in the claims but for its issuer.
		const token = other.token({ groups: BEN.groups, oid: BEN.name });
		const twin = createCaller({ url: company.gateway.url, token, era: 'legacy' });
		const params = { name: 'recall', arguments: { key: 'word' } };
		const answer = responseIn(await twin.send(path, 'tools/call', params));
		expect(answer.result.content[0].text).toContain('(nothing)');
		expect(await use({ person: BEN, slug }, 'recall', { key: 'word' })).toContain(secretWord(BEN, slug));
	});
});
