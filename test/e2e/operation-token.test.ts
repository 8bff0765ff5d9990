import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorkbench, type Workbench } from './operation-process.ts';

let bench: Workbench;

beforeAll(async () => {
	bench = await openWorkbench();
	bench.configure({
		workspaces: { google: {}, microsoft: {} },
		grants: [
			{ group: 'Readers', workspace: 'google', access: 'read' },
			{ role: 'Gateway.Writer', workspace: 'google', access: 'write' },
			{ group: 'Everywhere', workspace: '*', access: 'admin' },
		],
	});
});
afterAll(() => bench.close());

const inspect = (token: string, env: Readonly<Record<string, string>> = {}) =>
	bench.run(['token', 'inspect'], env, token);

describe('token inspect', () => {
	it('says whose an accepted token is, and by which rules they hold what', async () => {
		const token = bench.directory.token({ name: 'Ada', groups: ['Readers'], roles: ['Gateway.Writer'] });
		const { code, out, err } = await inspect(`${token}\n`);
		expect([code, err]).toEqual([0, '']);
		expect(out.trimEnd().split('\n')).toEqual([
			expect.stringMatching(/^Accepted: a token of the directory fake, good until \d{4}-\d\d-\d\dT[\d:.]+Z\.$/),
			`Ada is 0a1b2c3d-person of the directory ${bench.directory.directory.tenantId}.`,
			'Their workspaces:',
			'  google: write, by grants[0] (group Readers is read in google) and grants[1] (role Gateway.Writer is write in google)',
		]);
	});

	const FAULTS: readonly (readonly [code: string, rule: string, make: () => string])[] = [
		['PC_TOKEN_MALFORMED', 'not three parts', () => 'nonsense'],
		['PC_TOKEN_ISSUER', 'tid is not the tenant of iss', () => bench.directory.token({ tid: randomUUID() })],
		['PC_TOKEN_AUDIENCE', 'aud is another application', () => bench.directory.token({ aud: 'api://other' })],
		['PC_TOKEN_EXPIRED', 'exp has passed', () => bench.directory.token({ exp: 1 })],
		['PC_TOKEN_KIND', 'neither scp nor roles', () => bench.directory.token({ scp: undefined })],
		['PC_TOKEN_GRAPH', 'aud is Microsoft Graph', () => bench.directory.token({ aud: 'https://graph.microsoft.com' })],
	];

	it.each(FAULTS)('says that a token fails with %s: %s', async (code, rule, make) => {
		const told = await inspect(make());
		expect([told.code, told.err]).toEqual([1, '']);
		expect(told.out.startsWith(`Refused with ${code}, ${rule}: `)).toBe(true);
		expect(told.out.trimEnd().split('\n')).toHaveLength(1);
	});

	it('says what to ask for instead of a token for another application', async () => {
		const { out } = await inspect(bench.directory.token({ aud: 'api://other' }));
		expect(out).toContain(`The audience to ask for is ${bench.directory.directory.audiences[0]}.`);
	});

	it('takes the token of the settings where none is sent, and none of the command line', async () => {
		const token = bench.directory.token({ name: 'Ada' });
		expect((await inspect('', { PORTCULLIS_TOKEN: token })).out).toContain('Ada is');
		expect(await inspect('')).toMatchObject({ code: 2, out: '' });
		const argument = await bench.run(['token', 'inspect', token], {}, '');
		expect([argument.code, argument.out]).toEqual([2, '']);
	});

	it('never shows a part of the token', async () => {
		const good = bench.directory.token({ name: 'Ada', groups: ['Everywhere'] });
		const bad = bench.directory.token({ aud: 'canary-audience', iss: 'https://canary.example' });
		for (const token of [good, bad, `${good}x`]) {
			const { out, err } = await inspect(token);
			for (const part of [...token.split('.'), 'canary']) expect(out + err).not.toContain(part);
		}
	});

	it('still prints tokens of the demo directory alone', async () => {
		const told = await bench.run(['token', 'ada@company.example']);
		expect([told.code, told.err]).toEqual([1, expect.stringContaining('no demo directory')]);
	});
});
