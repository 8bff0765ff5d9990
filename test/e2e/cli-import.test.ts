import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorkbench, serve, type Workbench } from './operation-process.ts';

const SECRETS = ['canary-of-a-header', 'canary-of-a-program'];
const REMOTE = {
	url: 'http://127.0.0.1:9/mcp',
	type: 'streamable-http',
	headers: { Authorization: `Bearer ${SECRETS[0]}` },
};
const PROGRAM = { command: 'node', args: ['server.js'], env: { API_TOKEN: SECRETS[1], LEVEL: 'info' } };

let bench: Workbench;
const told: string[] = [];

beforeAll(async () => {
	bench = await openWorkbench();
	bench.configure({ grants: [{ group: 'Admins', workspace: '*', access: 'admin' }] });
	const write = (name: string, mcpServers: object) => writeFileSync(bench.path(name), JSON.stringify({ mcpServers }));
	write('both.json', { remote: REMOTE, '9lives': PROGRAM });
	write('remote.json', { remote: REMOTE });
	expect((await run('workspace', 'create', 'google')).code).toBe(0);
});
afterAll(() => bench.close());

/** As the operator, on the store itself; or as somebody with a token, at the gateway that runs. */
async function run(...args: readonly string[]) {
	const answer = await bench.run([...args], token === undefined ? {} : { PORTCULLIS_TOKEN: token });
	told.push(answer.out + answer.err);
	return answer;
}
let token: string | undefined;

describe('import servers', () => {
	it('puts secrets into the credential store, where the operator runs it', async () => {
		const { code, err } = await run('import', 'servers', 'google', 'both.json');
		expect([code, err]).toEqual([0, expect.not.stringContaining('Set before')]);
		const kept = JSON.parse((await run('credential', 'list', 'google', '--json')).out).items as { server: string }[];
		expect(kept.toSorted((one, other) => (one.server < other.server ? -1 : 1))).toMatchObject([
			{ server: '9lives', names: ['_9LIVES_API_TOKEN'], owner: null },
			{ server: 'remote', names: ['REMOTE_AUTHORIZATION'], owner: null },
		]);
		const shown = JSON.parse((await run('server', 'show', 'google/9lives', '--json')).out);
		expect(shown.env).toEqual({ API_TOKEN: '${secret:_9LIVES_API_TOKEN}', LEVEL: 'info' });
	});

	it('does so over the network for administrators too, but takes no program from them', async () => {
		await serve(bench);
		token = bench.directory.token({ groups: ['Admins'] });
		expect((await run('workspace', 'create', 'microsoft')).code).toBe(0);
		const refused = await run('import', 'servers', 'microsoft', 'both.json');
		expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('for the operator to set')]);
		expect((await run('import', 'servers', 'microsoft', 'remote.json')).code).toBe(0);
		const kept = JSON.parse((await run('credential', 'list', 'microsoft', '--json')).out).items;
		expect(kept).toMatchObject([{ server: 'remote', names: ['REMOTE_AUTHORIZATION'] }]);
	});

	it('shows no secret', () => {
		for (const secret of SECRETS) expect(told.join('\n')).not.toContain(secret);
		expect(told.length).toBeGreaterThan(5);
	});
});
