import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RuntimeProgram } from '../../src/config/snapshot.ts';
import { createRuntime, type Runtime } from '../../src/runtime/runtime.ts';
import { type FakeRegistry, type PublishedPackage, startRegistry } from '../fakes/npm-registry.ts';

const TIDY: PublishedPackage = {
	name: '@fake/tidy',
	version: '1.2.3',
	manifest: {
		bin: { tidy: 'main.js', other: 'other.js' },
		scripts: { postinstall: 'touch SCRIPT-RAN' },
		dependencies: { part: '^1.0.0' },
	},
	files: {
		'main.js': '#!/usr/bin/env node\nconsole.log(JSON.stringify([process.argv.slice(2), Object.keys(process.env)]))',
		'other.js': '#!/usr/bin/env node\nconsole.log("other")',
	},
};
const PART: PublishedPackage = { name: 'part', version: '1.0.0', files: { 'index.js': 'module.exports = 1' } };
const AHEAD: PublishedPackage = {
	name: 'ahead',
	version: '1.0.0',
	manifest: { bin: 'main.js', engines: { node: '>=97' } },
	files: { 'main.js': 'console.log(1)' },
};
const ESCAPING: PublishedPackage = { name: 'escaping', version: '1.0.0', manifest: { bin: '../part/index.js' } };

const program = (name: string, version: string, more: object = {}): RuntimeProgram => ({
	runner: 'npm',
	package: name,
	version,
	...more,
});
const TIDY_PROGRAM = program('@fake/tidy', '1.2.3');

let folder: string;
let registry: FakeRegistry;
let runtime: Runtime;

beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), 'portcullis-runtime-'));
	registry = await startRegistry([TIDY, PART, AHEAD, ESCAPING]);
	runtime = createRuntime({ folder: join(folder, 'runtime'), env: registry.env(folder) });
});
afterEach(async () => {
	await registry.close();
	rmSync(folder, { recursive: true });
});

const there = (): readonly string[] =>
	existsSync(join(folder, 'runtime')) ? readdirSync(join(folder, 'runtime')) : [];
const wish = (args: readonly string[] = [], wanted = TIDY_PROGRAM) => ({ program: wanted, args, variables: [] });

function outputOf({ command, args }: { command: string; args: readonly string[] }, env: object): Promise<string> {
	return new Promise((resolve) => {
		const child = spawn(command, [...args], { env: { ...env } as NodeJS.ProcessEnv });
		let text = '';
		child.stdout.on('data', (chunk) => {
			text += chunk;
		});
		child.once('close', () => resolve(text));
	});
}

describe('an installed package', () => {
	it('lies in a folder of its own with its digest, runs no script, and starts by an absolute path', async () => {
		const { name, record } = await runtime.install({ program: TIDY_PROGRAM });
		expect(name).toBe('@fake+tidy@1.2.3');
		expect(record).toMatchObject({
			package: '@fake/tidy',
			version: '1.2.3',
			scripts: false,
			programs: { tidy: expect.any(String) },
		});
		expect(record.integrity).toMatch(/^sha512-/);
		expect(existsSync(join(folder, 'runtime', name, 'node_modules/@fake/tidy/SCRIPT-RAN'))).toBe(false);
		expect(existsSync(join(folder, 'runtime', name, 'node_modules/part/index.js'))).toBe(true);
		const launch = await runtime.launch(wish(['a b', '--x']));
		expect(launch.command).toBe(process.execPath);
		expect(launch.args[0]).toBe(join(folder, 'runtime', name, 'node_modules/@fake/tidy/main.js'));
		expect(JSON.parse(await outputOf(launch, {}))).toEqual([['a b', '--x'], []]);
	});

	it('is installed once, and nothing is fetched again', async () => {
		await runtime.install({ program: TIDY_PROGRAM });
		const { length } = registry.asked;
		await runtime.install({ program: TIDY_PROGRAM });
		expect(registry.asked).toHaveLength(length);
	});

	it('runs its scripts only where that is asked for', async () => {
		const { name, record } = await runtime.install({ program: TIDY_PROGRAM, scripts: true });
		expect(existsSync(join(folder, 'runtime', name, 'node_modules/@fake/tidy/SCRIPT-RAN'))).toBe(true);
		expect(record.scripts).toBe(true);
	});

	it('gets a secret argument without showing it in the list of processes', async () => {
		await runtime.install({ program: TIDY_PROGRAM });
		const launch = await runtime.launch(wish(['--key', '', 'end']));
		expect(JSON.stringify(launch)).not.toContain('s3cret');
		const output = await outputOf(launch, { PORTCULLIS_ARGUMENT_1: 's3cret "$x"' });
		expect(JSON.parse(output)).toEqual([['--key', 's3cret "$x"', 'end'], []]);
	});

	it('can have another program of it run, and no program of that name is none', async () => {
		await runtime.install({ program: TIDY_PROGRAM });
		expect(
			await outputOf(await runtime.launch(wish([], program('@fake/tidy', '1.2.3', { program: 'other' }))), {}),
		).toBe('other\n');
		const missing = runtime.launch(wish([], program('@fake/tidy', '1.2.3', { program: '../../etc' })));
		await expect(missing).rejects.toMatchObject({ code: 'PC_RUNTIME_UNFIT' });
	});

	it('is listed, and gone when it is removed; a name that leads elsewhere removes nothing', async () => {
		await runtime.install({ program: TIDY_PROGRAM });
		expect(runtime.list().map(({ name }) => name)).toEqual(['@fake+tidy@1.2.3']);
		for (const name of ['..', '../runtime', '@fake', '']) expect(runtime.remove(name)).toBe(false);
		expect(runtime.remove('@fake+tidy@1.2.3')).toBe(true);
		expect(there()).toEqual([]);
		await expect(runtime.launch(wish())).rejects.toMatchObject({ code: 'PC_RUNTIME_MISSING' });
	});
});

describe('a package that is not as it was installed', () => {
	const file = (): string => join(folder, 'runtime/@fake+tidy@1.2.3/node_modules/part/index.js');

	it('is not started, and the check says so', async () => {
		const installed = await runtime.install({ program: TIDY_PROGRAM });
		expect(await runtime.check(installed)).toBeUndefined();
		appendFileSync(file(), ' // changed');
		await expect(runtime.launch(wish())).rejects.toMatchObject({ code: 'PC_RUNTIME_CHANGED' });
		expect(await runtime.check(installed)).toContain('changed');
	});

	it('is found by the check also where its size and time are as before', async () => {
		const installed = await runtime.install({ program: TIDY_PROGRAM });
		const other = readFileSync(file(), 'utf8').replace('1', '2');
		rmSync(file());
		appendFileSync(file(), other);
		utimesSync(file(), 1_700_000_000, 1_700_000_000);
		expect(await runtime.check(installed)).toContain('changed');
	});

	it('by the times of its files alone is read, and started', async () => {
		await runtime.install({ program: TIDY_PROGRAM });
		utimesSync(file(), 1_800_000_000, 1_800_000_000);
		expect((await runtime.launch(wish())).command).toBe(process.execPath);
	});
});

describe('an installation', () => {
	it('that is cancelled leaves nothing behind', async () => {
		const release = registry.hold();
		const ending = new AbortController();
		const installing = runtime.install({ program: TIDY_PROGRAM, signal: ending.signal });
		await expect.poll(() => registry.asked.some((path) => path.endsWith('.tgz')), { timeout: 20_000 }).toBe(true);
		ending.abort();
		await expect(installing).rejects.toMatchObject({ fault: 'cancelled' });
		release();
		expect(there()).toEqual([]);
	});

	it('that was killed leaves nothing that could be used, and the next one sweeps it away', async () => {
		const script = `
			import { createRuntime } from ${JSON.stringify(join(process.cwd(), 'src/runtime/runtime.ts'))};
			const env = ${JSON.stringify(registry.env(folder))};
			await createRuntime({ folder: ${JSON.stringify(join(folder, 'runtime'))}, env }).install({ program: ${JSON.stringify(TIDY_PROGRAM)} });
		`;
		const release = registry.hold();
		const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
			stdio: 'ignore',
		});
		await expect.poll(() => registry.asked.some((path) => path.endsWith('.tgz')), { timeout: 30_000 }).toBe(true);
		child.kill('SIGKILL');
		await new Promise((resolve) => child.once('close', resolve));
		release();
		expect(there()).toHaveLength(1);
		expect(runtime.isInstalled(TIDY_PROGRAM)).toBe(false);
		expect(runtime.list()).toEqual([]);
		await runtime.install({ program: TIDY_PROGRAM });
		expect(there()).toEqual(['@fake+tidy@1.2.3']);
	});

	it('beside another of the same package ends well, and leaves one', async () => {
		const both = await Promise.all([1, 2].map(() => runtime.install({ program: TIDY_PROGRAM })));
		expect(both[0]?.record.content).toBe(both[1]?.record.content);
		expect(there()).toEqual(['@fake+tidy@1.2.3']);
		expect(await runtime.check(both[0] as never)).toBeUndefined();
	});

	it.each([
		['a package that is not there', program('no-such-package', '1.0.0'), 'package-gone'],
		['a version that is not there', program('part', '9.9.9'), 'package-gone'],
		['a version that is not exact', program('part', '^1.0.0'), 'wrong-package'],
		['a name that is an option', program('--registry=x', '1.0.0'), 'wrong-package'],
		['a name that is a path', program('../part', '1.0.0'), 'wrong-package'],
		['a package whose program is outside of it', program('escaping', '1.0.0'), 'no-program'],
		[
			'a program of uv where there is no uv',
			{ runner: 'uvx', package: 'x', version: '1.0.0' } as const,
			'runner-missing',
		],
	])('of %s is refused in words, and leaves nothing', async (_, wanted, fault) => {
		const poor = createRuntime({ folder: join(folder, 'runtime'), env: registry.env(folder) });
		await expect(poor.install({ program: wanted })).rejects.toMatchObject({ name: 'RuntimeError', fault });
		expect(there()).toEqual([]);
	});

	it('without npm, or without a registry, says which', async () => {
		const root = join(folder, 'runtime');
		const without = createRuntime({ folder: root, env: { PATH: join(folder, 'nothing') } });
		await expect(without.install({ program: TIDY_PROGRAM })).rejects.toMatchObject({ fault: 'npm-missing' });
		const nowhere = { ...registry.env(folder), npm_config_registry: 'http://127.0.0.1:1/' };
		const alone = createRuntime({ folder: root, env: nowhere });
		await expect(alone.install({ program: TIDY_PROGRAM })).rejects.toMatchObject({ fault: 'registry-unreachable' });
		expect(there()).toEqual([]);
	});

	it('of a package that needs a Node nobody has fails at the start with a reason', async () => {
		const ahead = program('ahead', '1.0.0', { minNode: '97' });
		await runtime.install({ program: ahead }).catch(() => undefined);
		await expect(runtime.launch(wish([], ahead))).rejects.toMatchObject({ code: 'PC_RUNTIME_UNFIT' });
	});

	it('of a package that only asks for a newer Node runs on ours where there is no other', async () => {
		const ahead = program('ahead', '1.0.0');
		await runtime.install({ program: ahead });
		expect((await runtime.launch(wish([], ahead))).command).toBe(process.execPath);
	});
});
