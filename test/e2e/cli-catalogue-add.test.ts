import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCatalogue } from '../../src/catalogue/load-catalogue.ts';
import { addCommand } from '../../src/cli/catalogue-page.ts';
import { withServerOptions, withServiceOptions } from '../../src/cli/server-options.ts';
import { openWorkbench, serve, type Workbench } from './operation-process.ts';

const [GOOGLE_KEY, MICROSOFT_KEY] = ['CANARY-google-key', 'CANARY-microsoft-key'];

let bench: Workbench;
let token: string;

beforeAll(async () => {
	bench = await openWorkbench();
	bench.configure({ grants: [{ group: 'Admins', workspace: '*', access: 'admin' }] });
	await serve(bench);
	token = bench.directory.token({ groups: ['Admins'] });
	for (const workspace of ['google', 'microsoft']) expect((await cli('workspace', 'create', workspace)).code).toBe(0);
	writeFileSync(bench.path('google.json'), JSON.stringify({ api_key: GOOGLE_KEY }));
	writeFileSync(bench.path('microsoft.json'), JSON.stringify({ api_key: MICROSOFT_KEY }));
});
afterAll(() => bench.close());

const cli = (...args: string[]) => bench.run(args, { PORTCULLIS_TOKEN: token });
const shown = async (...args: string[]) => JSON.parse((await cli(...args, '--json')).out);

describe('server add, with a service of the catalogue', () => {
	it('makes a server that people sign in at themselves, and says what is left to do', async () => {
		const { code, out, err } = await cli('server', 'add', 'google', 'linear');
		expect([code, err]).toEqual([0, '']);
		expect(out).toContain('Added Linear to google as the server google/linear.');
		expect(out).toContain('connects their own account at /connect');
		expect(await shown('server', 'show', 'google/linear')).toMatchObject({
			transport: 'http',
			url: 'https://mcp.linear.app/mcp',
			credential: 'principal',
			headers: { authorization: 'Bearer ${secret:token}' },
		});
	});

	it('keeps what a workspace signs in with, each its own, and shows it to nobody', async () => {
		const add = (workspace: string, ...args: string[]) =>
			cli('server', 'add', workspace, 'linear', '--slug', 'by-key', '--sign-in', 'api-key', ...args);
		const answers = [
			await add('google', '--secrets-file', 'google.json'),
			await add('microsoft', '--secrets-file', 'microsoft.json'),
			await cli('credential', 'list', 'google'),
			await cli('server', 'show', 'microsoft/by-key'),
		];
		expect(answers.map(({ code, err }) => [code, err])).toEqual(Array(4).fill([0, '']));
		expect(answers[0]?.out).toContain('Kept its credential: api_key.');
		expect(answers[0]?.out).toContain('does not answer yet');
		expect(JSON.stringify(answers)).not.toContain('CANARY');
		const kept = await shown('credential', 'list', 'google');
		expect(kept.items).toMatchObject([{ server: 'by-key', names: ['api_key'] }]);
	});

	it('says what is missing, where to get it, and what it does not know', async () => {
		const refused = [
			['google', 'snowflake'],
			['google', 'linear', '--set', 'colour=red'],
			['google', 'linear', '--endpoint', 'nowhere'],
			['google', 'linear', '--sign-in', 'handshake'],
			['google', 'linear', '--secrets-file', 'none.json'],
			['google', 'linera'],
			['google/x', 'linear'],
			['google', 'linear', 'notion', '--slug', 'both'],
		];
		const told: string[] = [];
		for (const args of refused) {
			const { code, err } = await cli('server', 'add', ...args);
			expect(code, args.join(' ')).toBe(2);
			told.push(err);
		}
		expect(told).toEqual([
			expect.stringMatching(/^Missing: --set account=… \(.+\); --set database=…/),
			expect.stringContaining('nothing called colour to set'),
			expect.stringContaining('name one with --endpoint: http'),
			expect.stringContaining('by one of: oauth2-dcr'),
			expect.stringContaining('--secrets-file takes a file with a JSON object'),
			expect.stringContaining('did you mean linear?'),
			expect.stringContaining('Name the workspace alone before services'),
			expect.stringContaining('one service at a time'),
		]);
	});

	it('leads from names that are dead to what is there, and runs no program that the operator did not install', async () => {
		const { code, out, err } = await cli(
			'server',
			'add',
			'google',
			'@sonarqube/mcp-server',
			'--set',
			'server_url=https://sonar.example',
		);
		expect([code, out]).toEqual([1, expect.stringContaining('sonarqube-mcp-server')]);
		expect(err).toContain('PC_RUNTIME_MISSING');
	});

	it('names the command for a client that somebody has to bring, which takes its secret from a file alone', async () => {
		const added = await cli('server', 'add', 'google', 'github');
		expect([added.code, added.out]).toEqual([
			0,
			expect.stringContaining('portcullis credential client google/github --client-id'),
		]);
		writeFileSync(bench.path('client.secret'), GOOGLE_KEY);
		const kept = await cli('credential', 'client', 'google/github', '--client-id', 'abc', '--file', 'client.secret');
		expect([kept.code, kept.err]).toEqual([1, expect.stringMatching(/PC_(OAUTH|EGRESS)_/)]);
		expect(kept.out + kept.err).not.toContain('CANARY');
		expect((await cli('credential', 'client', 'google/github', '--client-id', 'abc', '--file', 'none')).code).toBe(2);
	});

	it('takes several at once', async () => {
		const { code, out } = await cli('server', 'add', 'microsoft', 'linear', 'notion');
		expect([code, out.match(/^Added /gm)?.length]).toEqual([0, 2]);
	});
});

describe('every command that the catalogue prints', () => {
	it('is one that the program takes', () => {
		const lines = createCatalogue()
			.all()
			.flatMap((entry) => entry.endpoints.map((endpoint) => addCommand(entry, endpoint, false)));
		const script = lines
			.map((line) => `printf '%s\\0' ${line.replace('portcullis server add ', '')}; printf '\\n'`)
			.join('\n');
		const split = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trimEnd().split('\n');
		expect(split).toHaveLength(lines.length);
		for (const words of split) {
			const add = withServiceOptions(withServerOptions(new Command('add')))
				.argument('<server>')
				.argument('[services...]');
			add.exitOverride().parse(words.split('\0').slice(0, -1), { from: 'user' });
			expect([add.args[0], add.args.length]).toEqual(['WORKSPACE', 2]);
		}
	});
});
