import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PgConnection } from '../../src/store/embedded/start-cluster.ts';
import { startTestPostgres, type TestPostgres } from '../fakes/postgres.ts';
import { openWorkbench, type Workbench } from './operation-process.ts';

let bench: Workbench;
let postgres: TestPostgres;
let urls: { owner: string; app: string; platform: string };

beforeAll(async () => {
	bench = await openWorkbench();
	postgres = await startTestPostgres('embedded');
	const { owner, app, platform } = await postgres.createDatabase();
	urls = { owner: urlOf(owner), app: urlOf(app), platform: urlOf(platform) };
});
afterAll(async () => {
	await postgres.close();
	await bench.close();
});

function urlOf({ user, password, port, database, host }: PgConnection): string {
	return `postgres://${user}:${password}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`;
}

const run = (...args: string[]) =>
	bench.run(args, { DATABASE_URL: urls.app, DATABASE_PLATFORM_URL: urls.platform, TMPDIR: bench.folder });
const migrate = (...args: string[]) => bench.run(['migrate', ...args], { DATABASE_MIGRATOR_URL: urls.owner });

describe('the command line on a database of your own', () => {
	it('migrates as the owner alone, and tells before what is missing', async () => {
		const early = await run('workspace', 'list');
		expect([early.code, early.err]).toEqual([1, expect.stringContaining('run "portcullis migrate"')]);
		const wrong = await run('migrate');
		expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('Set DATABASE_MIGRATOR_URL')]);
		const before = await migrate('--check');
		expect([before.code, before.out]).toEqual([1, expect.stringMatching(/^missing 0001_/)]);
		const done = await migrate();
		expect([done.code, done.out]).toEqual([0, before.out.replaceAll('missing', 'applied')]);
		const after = await migrate('--check');
		expect([after.code, after.out]).toEqual([0, 'The database is up to date.\n']);
	});

	it('works as the operator, and leaves its records in the database and nothing beside it', async () => {
		const made = await run('workspace', 'create', 'google');
		expect([made.code, made.out]).toEqual([0, 'Made the workspace google.\n']);
		const verified = await run('audit', 'verify', 'google', '--json');
		expect(JSON.parse(verified.out)).toMatchObject({ intact: true });
		const listed = await run('audit', 'list', '--json');
		expect(listed.out).toContain('workspace.create');
		expect(readdirSync(bench.folder)).toEqual([]);
	});

	it('lets two commands work at a time', async () => {
		const both = await Promise.all(['a', 'b'].map((slug) => run('workspace', 'create', slug)));
		expect(both.map(({ code }) => code)).toEqual([0, 0]);
	});

	it('ends with 3 and no word of a password when there is no database', async () => {
		const url = 'postgres://gateway:hush-5a1c@127.0.0.1:9/portcullis';
		for (const [args, env] of [
			[['workspace', 'list'], { DATABASE_URL: url, DATABASE_PLATFORM_URL: url }],
			[['migrate', '--check'], { DATABASE_MIGRATOR_URL: url }],
			[['migrate'], { DATABASE_MIGRATOR_URL: url }],
		] as const) {
			const gone = await bench.run(args, env);
			expect([gone.code, gone.out]).toEqual([3, '']);
			expect(gone.err).not.toContain('hush');
		}
	});
});
