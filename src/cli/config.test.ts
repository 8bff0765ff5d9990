import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { addConfigCommands } from './config.ts';

const folder = mkdtempSync(join(tmpdir(), 'portcullis-cli-'));
const good = join(folder, 'good.yaml');
const bad = join(folder, 'bad.yaml');
writeFileSync(
	good,
	[
		'directories: [{ id: d, issuer: "https://i.example", tenantId: t, audiences: [a], jwksUrl: "https://i.example/keys" }]',
		'workspaces: { w: { servers: { s: { transport: http, url: "https://u.example", headers: { X-Key: "${env:KEY}" } } } } }',
	].join('\n'),
);
writeFileSync(bad, 'directories: []\nhots: []');

afterEach(() => {
	process.exitCode = undefined;
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(env: NodeJS.ProcessEnv, ...args: string[]) {
	const [out, failed]: [string[], string[]] = [[], []];
	const program = new Command();
	addConfigCommands(program, {
		env,
		out: (text) => void out.push(text),
		fail: (text) => void failed.push(text),
		ask: async () => undefined,
	});
	await program.parseAsync(['config', ...args], { from: 'user' });
	return { out: out.join('\n'), failed: failed.join('\n'), exitCode: process.exitCode };
}

describe('config check', () => {
	test('says that a good file is valid, and how much there is in it', async () => {
		expect(await run({ KEY: 'k' }, 'check', good)).toEqual({
			out: `${good} is valid (directories: 1, workspaces: 1, servers: 1, grants: 0)`,
			failed: '',
			exitCode: undefined,
		});
	});

	test('checks the file of further listeners too, and tells the faults of both', async () => {
		const listeners = join(folder, 'listeners.yaml');
		const write = (edge: object): void =>
			writeFileSync(listeners, JSON.stringify({ listeners: [{ name: 'front', port: 0, edge }] }));
		const env = { KEY: 'k', EDGE: 'x'.repeat(32), PORTCULLIS_LISTENERS: listeners };
		write({ mechanism: 'shared-secret', secrets: ['${env:EDGE}'], directories: ['d', 'e'] });
		expect((await run(env, 'check', good)).out).toBe(
			`${good} is valid (directories: 1, workspaces: 1, servers: 1, grants: 0, further listeners: 1)\n` +
				'warning: the listener front names the directory e, which is not in the file',
		);
		write({ mechanism: 'shared-secret', secrets: ['${env:NONE}'], directories: ['d'] });
		const { out, failed, exitCode } = await run(env, 'check', bad);
		expect({ out, exitCode }).toEqual({ out: '', exitCode: 2 });
		expect(failed).toContain(`${bad}:1:14 directories: must not be empty`);
		expect(failed).toContain('environment variable NONE is not set');
	});

	test('takes the file of PORTCULLIS_CONFIG and warns of names that are no settings', async () => {
		const { out } = await run({ KEY: 'k', PORTCULLIS_CONFIG: good, PORTCULLIS_PROT: '1' }, 'check');
		expect(out).toContain('warning: PORTCULLIS_PROT is not a setting');
	});

	test('ends with 2 and every fault of a bad file', async () => {
		const { out, failed, exitCode } = await run({}, 'check', bad);
		expect([out, failed.split('\n').length, exitCode]).toEqual(['', 2, 2]);
		expect(failed).toContain(`${bad}:2:1 hots: unknown key; did you mean hosts?`);
	});

	test('ends with 2 when a setting is wrong', async () => {
		const { failed, exitCode } = await run({ KEY: 'k', PORTCULLIS_PORT: 'http' }, 'check', good);
		expect([failed, exitCode]).toEqual(['PORTCULLIS_PORT must be a whole number from 0 to 65535', 2]);
	});
});

describe('config print', () => {
	test('shows the configuration with references in place of secrets', async () => {
		const { out, exitCode } = await run({ KEY: 'canary' }, 'print', good);
		expect(out).toContain('x-key: ${env:KEY}');
		expect(out).not.toContain('canary');
		expect(exitCode).toBeUndefined();
	});

	test('ends with 2 for a bad file', async () => {
		expect(await run({}, 'print', bad)).toMatchObject({ out: '', exitCode: 2 });
	});
});
