import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closedPortUrl, readStdioLog, stdioServer } from '../fakes/upstream.ts';
import { until } from './failure-calls.ts';
import { isRunning, openWorkbench, type Workbench } from './operation-process.ts';

let bench: Workbench;

const RULES = {
	add: { enabled: false },
	remember: { readable: true },
	recall: { minimumLevel: 'admin' },
};

beforeAll(async () => {
	bench = await openWorkbench();
	const child = { transport: 'stdio', ...stdioServer({ logPath: bench.path('child.jsonl') }) };
	bench.configure({
		workspaces: {
			google: {
				servers: {
					files: { ...child, tools: { rules: RULES } },
					closed: { ...child, enabled: false },
					dead: { transport: 'http', url: await closedPortUrl() },
				},
			},
			microsoft: { servers: { files: child } },
		},
		grants: [
			{ group: 'Readers', workspace: 'google', access: 'read' },
			{ group: 'Writers', workspace: 'google', access: 'write' },
		],
	});
});
afterAll(async () => {
	await bench.close();
	await until(() => readStdioLog(bench.path('child.jsonl')).every(({ pid }) => pid === undefined || !isRunning(pid)));
});

function explain(groups: readonly string[], tool: string) {
	const token = bench.directory.token({ groups, name: 'Ada' });
	return bench.run(['explain', '--as', '-', '--tool', tool], {}, `${token}\n`);
}

/** Group, tool, exit code, the words of the decision in order. */
const DECISIONS: readonly [string, string, number, readonly string[]][] = [
	['Writers', 'google/files/echo', 0, ['workspace-granted', 'server-enabled', 'tool-enabled', 'level-sufficient']],
	['Readers', 'google/files/echo', 0, ['workspace-granted', 'server-enabled', 'tool-enabled', 'tool-read-only']],
	[
		'Readers',
		'google/files/remember',
		0,
		['workspace-granted', 'server-enabled', 'tool-enabled', 'tool-marked-readable'],
	],
	[
		'Readers',
		'google/files/toggle_tool',
		1,
		['workspace-granted', 'server-enabled', 'tool-enabled', 'tool-not-read-only'],
	],
	['Writers', 'google/files/add', 1, ['workspace-granted', 'server-enabled', 'tool-disabled']],
	['Writers', 'google/files/recall', 1, ['workspace-granted', 'server-enabled', 'tool-enabled', 'level-insufficient']],
	['Writers', 'google/closed/echo', 1, ['workspace-granted', 'server-disabled']],
	['Writers', 'microsoft/files/echo', 1, ['workspace-not-granted']],
];

describe('explain', () => {
	it.each(DECISIONS)('tells %s about %s: exit code %i and the reasons', async (group, tool, exitCode, reasons) => {
		const { code, out, err } = await explain([group], tool);
		expect([code, err]).toEqual([exitCode, '']);
		const lines = out.trimEnd().split('\n');
		const verdict = lines.findIndex((line) => /^(?:Yes|No): /.test(line));
		expect(lines[verdict]?.startsWith(exitCode === 0 ? `Yes: ${tool}` : `No: ${tool}`)).toBe(true);
		const words = lines.slice(verdict + 1).map((line) => line.trim().split(':')[0] ?? '');
		expect(words.filter((word) => word !== 'spoken' && word !== 'definition')).toEqual(reasons);
		// Only where the server was looked at is there something to say about it.
		const isLookedAt = reasons.some((reason) => reason.startsWith('tool-'));
		expect(words.includes('spoken')).toBe(isLookedAt);
		for (const line of lines.slice(verdict + 1)) expect(line).toMatch(/^ {2}[a-z-]+: [A-Z].*\.$/);
	});

	it('says who the person is and which rules give them what', async () => {
		const { out } = await explain(['Readers', 'Writers'], 'google/files/echo');
		expect(out).toContain('Ada is 0a1b2c3d-person of the directory');
		expect(out).toMatch(/ {2}google: write, by grants\[0\] \(.+\) and grants\[1\] \(.+\)/);
		const nobody = await explain([], 'google/files/echo');
		expect(nobody.out).toContain('No grant rule matches, so no workspace is open to them.');
	});

	it.each([
		['google/files/no-such-tool', 'No: the server has no tool no-such-tool. It has echo, '],
		['google/nothing/echo', 'No: there is no server google/nothing.'],
		['nowhere/files/echo', 'No: there is no server nowhere/files.'],
		['google/dead/echo', 'Unknown: the server cannot be asked for its tools. The server cannot be reached;'],
	])('says of %s what is missing', async (tool, sentence) => {
		const { code, out } = await explain(['Writers'], tool);
		expect(code).toBe(1);
		expect(out).toContain(sentence);
	});

	it('wants a whole tool path and somebody to explain it for', async () => {
		const short = await explain(['Writers'], 'google/files');
		expect([short.code, short.err]).toEqual([2, expect.stringContaining('workspace/server/tool')]);
		const forged = await bench.run(['explain', '--as', '-', '--tool', 'google/files/echo'], {}, 'nonsense');
		expect([forged.code, forged.out]).toEqual([1, '']);
		expect(forged.err).toBe('The access token is not a well-formed RS256 JSON Web Token; sign in again.\n');
		const stranger = await bench.run(['explain', '--as', 'ada@company.example', '--tool', 'google/files/echo']);
		expect([stranger.code, stranger.err]).toEqual([1, expect.stringContaining('send an access token')]);
		const argument = await bench.run(['explain', '--as', bench.directory.token(), '--tool', 'google/files/echo']);
		expect([argument.code, argument.err]).toEqual([2, expect.stringContaining('on standard input with --as -')]);
		const nobody = await bench.run(['explain', '--tool', 'google/files/echo', '--config', 'portcullis.yaml']);
		expect([nobody.code, nobody.err]).toEqual([2, expect.stringContaining('--as')]);
	});
});
