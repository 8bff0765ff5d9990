import { describe, expect, it } from 'vitest';
import type { Rule } from './rules/rule.ts';
import { PLATFORM_USERS, platformFaults, statementFaults, statementTextFaults } from './rules/sql.ts';
import { parseSource, SOURCES } from './source-files.ts';

const plant = (rule: Rule, path: string, text: string) => rule([parseSource(path, text)]);

describe('SQL in src', () => {
	it('is run by queries, and by the machinery of the store', () => expect(statementFaults(SOURCES)).toEqual([]));
	it('is written down, with values bound', () => expect(statementTextFaults(SOURCES)).toEqual([]));
	it('crosses workspaces only in files that are listed, and that are there', () => {
		expect(platformFaults(SOURCES)).toEqual([]);
		expect(PLATFORM_USERS.filter((path) => SOURCES.every((file) => file.path !== path))).toEqual([]);
	});
});

describe('the rule of who runs statements', () => {
	it.each([
		"tx.query('select 1');",
		"client['query']('select 1');",
		"query('select 1');",
		'store.app.query<Row>(text);',
	])('finds: %s', (text) => {
		for (const path of ['src/admin/a.ts', 'src/store/store.ts', 'src/audit/a.ts', 'src/store/sub/transaction.ts']) {
			expect(plant(statementFaults, path, text)).toEqual([`${path}:1 runs a statement; only store/queries/ does`]);
		}
		for (const path of ['src/store/queries/a.ts', 'src/store/transaction.ts', 'src/store/migrate.ts']) {
			expect(plant(statementFaults, path, text)).toEqual([]);
		}
	});

	it.each(['const { query } = request;', 'request.query;', 'readLogin(query);', 'url.query;'])('accepts: %s', (text) =>
		expect(plant(statementFaults, 'src/admin/a.ts', text)).toEqual([]),
	);
});

describe('the rule of what a statement is', () => {
	const path = 'src/store/queries/a.ts';

	it.each([
		'export const f = (tx, slug) => tx.query(`select * from t where slug = ${slug}`);',
		"export const f = (tx, slug) => tx.query('select * from t where slug = ' + slug);",
		'export const f = (tx, text) => tx.query(text);',
		'export const f = (tx) => { const text = `select 1`; return tx.query(text); };',
		'const TABLE = process.argv[2]; export const f = (tx) => tx.query(`select * from ${TABLE}`);',
		'let TABLE = "t"; export const f = (tx) => tx.query(`select * from ${TABLE}`);',
		'const TABLE = "t"; export const f = (tx, TABLE) => tx.query(`select * from ${TABLE}`);',
		'import { TABLE } from "./b.ts"; export const f = (tx) => tx.query(`select * from ${TABLE}`);',
		'export const f = (tx, text) => tx.query({ text });',
		'export const f = (tx, all) => tx.query(["select"].join(all));',
	])('finds: %s', (text) => {
		expect(plant(statementTextFaults, path, text)).toEqual([
			`${path}:1 puts a statement together; bind values, share fragments as constants`,
		]);
	});

	it.each([
		"export const f = (tx) => tx.query('select 1');",
		'export const f = (tx, slug) => tx.query(`select * from t where slug = $1`, [slug]);',
		'const SELECT = `select * from t`; export const f = (tx, id) => tx.query(`${SELECT} where id = $1`, [id]);',
		'const T = "t"; const SELECT = `select * from ${T}`; export const f = (tx) => tx.query(SELECT);',
		'export const keyOf = ({ at, request }) => `${at} ${request}`;',
	])('accepts: %s', (text) => expect(plant(statementTextFaults, path, text)).toEqual([]));
});

describe('the rule of crossing workspaces', () => {
	it.each([
		"store.asPlatform({ reason: 'x' }, fn);",
		'const { asPlatform } = store;',
		"store['asPlatform'](why, fn);",
		"store.asPlatform.standing('x', fn);",
		"import { createAsPlatform } from '../store/as-platform.ts';",
	])('finds: %s', (text) => {
		expect(plant(platformFaults, 'src/admin/a.ts', text)).toEqual(['src/admin/a.ts:1 crosses workspaces']);
		expect(plant(platformFaults, 'src/store/snapshots.ts', text)).toEqual([]);
	});

	it('finds a file that is listed for nothing', () => {
		expect(plant(platformFaults, 'src/store/snapshots.ts', 'export const x = 1;')).toEqual([
			'src/store/snapshots.ts is listed but does not cross workspaces',
		]);
		expect(plant(platformFaults, 'src/admin/a.ts', 'import type { AsPlatform } from "x";')).toEqual([]);
	});
});
