import type { Requirement } from './requirements.ts';

/** What the store promises, and the management of what is in it. */
export const STORE_REQUIREMENTS: readonly Requirement[] = [
	{
		id: 'store-apart',
		promise:
			'No transaction sees, reveals or accepts a row of another workspace, whatever the pool and whatever fails.',
		source: 'docs/store.md: workspaces apart in the database',
		proofs: [
			['test/store/foreign-rows.test.ts', 'are not seen through the store, whatever the table'],
			[
				'test/store/foreign-rows.test.ts',
				'cannot be pointed at, and a try is refused like one at a row that does not exist',
			],
			['test/store/interleaving.test.ts', 'on one connection never see each other, whatever fails'],
			['test/store/mutation.test.ts', 'is missed by the rules or the matrix when it is taken away'],
		],
	},
	{
		id: 'store-start',
		promise: 'The gateway does not start on a database that would not keep workspaces apart.',
		source: 'docs/store.md: every start looks first',
		proofs: [
			['test/store/catalogue-faults.test.ts', 'are kept by the schema, months of records included'],
			['test/store/check-database.test.ts', 'refuses a superuser before it looks for anything else'],
			['test/store/check-database.test.ts', 'refuses the owner, and the two roles exchanged'],
			['test/store/check-database.test.ts', 'refuses a table that nothing protects'],
		],
	},
	{
		id: 'store-gone',
		promise:
			'A call asks the database nothing and goes on without it; changes are refused; what changed is taken up after.',
		source: 'docs/store.md: while the database is gone',
		proofs: [
			['test/store/outage.test.ts', 'serves calls by what it knows, asking the database nothing'],
			['test/store/outage.test.ts', 'refuses changes, and takes up by itself what changed meanwhile'],
			['test/store/outage.test.ts', 'serves nobody by a configuration that is too old'],
			['test/store/outage.test.ts', 'refuses calls once more records wait than it may keep'],
		],
	},
	{
		id: 'store-declaration',
		promise:
			'A file that is applied becomes what it would be by itself, comes out as it went in, and changes nothing twice.',
		source: 'docs/adr/0007-one-declaration.md',
		proofs: [
			['test/store/configuration.test.ts', 'becomes the snapshot the file itself would be'],
			['test/store/configuration.test.ts', 'comes out as it went in'],
			['test/store/configuration.test.ts', 'changes nothing the second time'],
			['test/store/configuration.test.ts', 'is not overruled by others, unless they take over'],
		],
	},
	{
		id: 'store-deletion',
		promise: 'A workspace that is deleted leaves no row, record, file, child process or cached state.',
		source: 'docs/api.md: what there is',
		proofs: [
			['test/tenancy/deletion.test.ts', 'leaves nothing: no row, no record, no file, no child, no cached state'],
		],
	},
	{
		id: 'audit-history',
		promise:
			'Whatever is killed when: nothing is executed without an intent, answered without an outcome, or left open.',
		source: 'docs/audit.md: what is proven',
		proofs: [
			[
				'test/tenancy/history.test.ts',
				'executes nothing without a record, answers nothing without one, and leaves nothing open',
			],
		],
	},
	{
		id: 'audit-chain',
		promise: 'A record that is changed, moved, taken out or put in is found, and its place named.',
		source: 'docs/audit.md',
		proofs: [
			['test/store/audit.test.ts', 'shows %s, and where'],
			['test/e2e/admin-insight-audit.test.ts', 'names the place of a record that was changed in the database'],
		],
	},
	{
		id: 'admin-authorization',
		promise: 'Each operation of the management API is for those its annotation names, and for nobody else.',
		source: 'docs/api.md',
		proofs: [
			['test/e2e/admin-authorization.test.ts', 'is for those its annotation names, and for nobody else'],
			['test/e2e/admin-authorization.test.ts', 'finds an operation that more may use than its annotation says'],
		],
	},
	{
		id: 'store-backup',
		promise: 'A backup brings back every row as it was; one that was cut off or changed is refused and leaves nothing.',
		source: 'docs/store.md: backups',
		proofs: [
			['test/store/backup.test.ts', 'brings back every row of every table as it was, and chains that hold'],
			['test/store/backup.test.ts', 'in which a byte was changed is refused, and leaves nothing'],
		],
	},
];
