import {
	type Catalogue,
	type ForeignKeyFacts,
	type KeyFacts,
	type PolicyFacts,
	type PrivilegeFacts,
	type RelationFacts,
	readCatalogue,
	readContext,
} from './queries/catalogue.ts';
import type { Query } from './tx.ts';

/** What is wrong with one thing of the schema, in words that follow its name. */
export interface CatalogueFault {
	readonly object: string;
	readonly fault: string;
}

const APP = 'portcullis_app';
const PLATFORM = 'portcullis_platform';

/** Tables whose rows belong to no workspace. */
const PLATFORM_TABLES: ReadonlySet<string> = new Set([
	'directory',
	'migration',
	'platform_admin_rule',
	'platform_setting',
	'signing_key',
]);
/** Keys without the workspace: the name of a workspace is the platform's to give. */
const KEYS_ACROSS: ReadonlySet<string> = new Set(['workspace(slug)']);
/** What of the tables of workspaces the platform role sees as a whole, by table and command. */
const PLATFORM_SEES: ReadonlySet<string> = new Set(['workspace *', 'usage_hour r', 'usage_hour d']);

const NIL = "'00000000-0000-0000-0000-000000000000'::uuid";
const ERASED = '( SELECT portcullis.erased_workspace() AS erased_workspace)';
// As PostgreSQL prints them. Anything else that means the same is refused, too: nobody should have to think about it.
const OWN_ROWS = '(workspace_id = ( SELECT portcullis.app_workspace() AS app_workspace))';
const PLATFORM_ROWS: ReadonlySet<string> = new Set([
	`(workspace_id = ${NIL})`,
	`(workspace_id = ${ERASED})`,
	`(workspace_id = ANY (ARRAY[${NIL}, ${ERASED}]))`,
]);

const DEFINER_PATH = 'search_path=pg_catalog, pg_temp';
const ROW_RIGHTS: Readonly<Record<string, string>> = { SELECT: 'r', INSERT: 'a', UPDATE: 'w', DELETE: 'd' };

/** Everything in the schema that would let rows of one workspace be seen or touched from another; empty when all is well. */
export async function catalogueFaults(query: Query): Promise<readonly CatalogueFault[]> {
	const catalogue = await readCatalogue(query);
	const { relations, policies, privileges, keys, foreignKeys, definers, everybody } = catalogue;
	return [
		...relations.flatMap((relation) => relationFaults(relation, catalogue)),
		...policies.flatMap((policy) => policyFaults(policy, catalogue)),
		...privileges.flatMap((held) => privilegeFaults(held, catalogue)),
		...keys.filter((key) => isOfWorkspaces(catalogue, key.table)).flatMap(keyFaults),
		...foreignKeys.flatMap((key) => foreignKeyFaults(key, catalogue)),
		...definers
			.filter(({ searchPath }) => searchPath !== DEFINER_PATH)
			.map(({ name }) => ({
				object: name,
				fault: `runs as its owner without "set ${DEFINER_PATH.replace('=', ' = ')}"`,
			})),
		...everybody.map(({ object, privilege }) => ({ object, fault: `grants ${privilege} to everybody` })),
		...(await contextFaults(query)),
	];
}

const isTable = ({ kind }: RelationFacts): boolean => kind === 'r' || kind === 'p';

function isOfWorkspaces({ relations }: Catalogue, table: string): boolean {
	return relations.some(({ name, workspaceColumn }) => name === table && workspaceColumn !== null);
}

function relationFaults(relation: RelationFacts, catalogue: Catalogue): readonly CatalogueFault[] {
	const { name, kind, invoker } = relation;
	const about = (fault: string): CatalogueFault => ({ object: name, fault });
	if (kind === 'm') return [about('is a materialised view, which no policy protects')];
	if (kind === 'f') return [about('is a foreign table, which no policy protects')];
	if (kind === 'v') return invoker ? [] : [about('is a view that asks with the rights of its owner')];
	const rules = [
		[!relation.protected, 'has no row-level security'],
		[!relation.forced, 'does not force its row-level security on its owner'],
		[relation.rewritten, 'has a rewrite rule, which acts with the rights of its owner'],
		[catalogue.policies.every(({ table }) => table !== name), 'has no policy'],
	] as const;
	return [
		...rules.filter(([broken]) => broken).map(([, fault]) => about(fault)),
		...columnFaults(relation, catalogue).map(about),
		...partitionFaults(relation, catalogue).map(about),
	];
}

function columnFaults({ name, workspaceColumn }: RelationFacts, { keys }: Catalogue): readonly string[] {
	if (PLATFORM_TABLES.has(name)) return [];
	if (workspaceColumn === null) return ['has no workspace_id and is not known as a table of the platform'];
	const keyless = keys.every(({ table, primary }) => table !== name || !primary);
	return [
		...(workspaceColumn === 'uuid not null'
			? []
			: [`has a workspace_id that is ${workspaceColumn}, not uuid not null`]),
		...(keyless ? ['has no primary key'] : []),
	];
}

// A partition that is addressed by its own name goes by its own policies.
function partitionFaults({ name, root }: RelationFacts, { policies }: Catalogue): readonly string[] {
	if (root === null) return [];
	const of = (wanted: string): string =>
		JSON.stringify(policies.filter(({ table }) => table === wanted).map(({ table: _, ...policy }) => policy));
	return of(name) === of(root) ? [] : [`is a partition with other policies than ${root}`];
}

function policyFaults(policy: PolicyFacts, catalogue: Catalogue): readonly CatalogueFault[] {
	const { table, name, permissive } = policy;
	// A restrictive policy only takes away.
	if (!permissive) return [];
	return [...roleFaults(policy, catalogue), ...expressionFaults(policy), ...rivalFaults(policy, catalogue)].map(
		(fault) => ({ object: table, fault: `has a policy ${name} that ${fault}` }),
	);
}

function roleFaults({ table, roles }: PolicyFacts, { owner }: Catalogue): readonly string[] {
	const known = table === 'migration' ? [APP, PLATFORM, owner] : [APP, PLATFORM];
	return roles.filter((role) => !known.includes(role)).map((role) => `is for ${role}`);
}

function expressionFaults(policy: PolicyFacts): readonly string[] {
	const { table, command, roles } = policy;
	const reads = policy.using ?? 'true';
	// Where no check stands, rows are written by the expression they are read by.
	const writes = policy.check ?? reads;
	const given = [...(command === 'a' ? [] : [reads]), ...(['r', 'd'].includes(command) ? [] : [writes])];
	if (PLATFORM_TABLES.has(table)) {
		const open = roles.includes(APP) && !(table === 'migration' && command === 'r');
		return open ? [`opens a table of the platform to ${APP}`] : [];
	}
	if (roles.includes(APP) && given.some((each) => each !== OWN_ROWS)) {
		return [`does not compare workspace_id with (select portcullis.app_workspace())`];
	}
	const all = PLATFORM_SEES.has(`${table} ${command}`);
	const odd = given.some((each) => !PLATFORM_ROWS.has(each) && !(all && each === 'true'));
	return !roles.includes(APP) && odd ? [`opens rows of workspaces to ${roles.join(', ')}`] : [];
}

// Permissive policies are ORed: the laxest counts. The first in the order of names is not blamed.
function rivalFaults({ table, name, command, roles }: PolicyFacts, { policies }: Catalogue): readonly string[] {
	const rivals = policies.filter(
		(other) =>
			other.table === table &&
			other.permissive &&
			other.name < name &&
			(other.command === command || other.command === '*' || command === '*') &&
			other.roles.some((role) => roles.includes(role)),
	);
	return rivals.map((rival) => `widens the policy ${rival.name}`);
}

function privilegeFaults(
	{ role, object, privileges }: PrivilegeFacts,
	catalogue: Catalogue,
): readonly CatalogueFault[] {
	const relation = catalogue.relations.find(({ name }) => name === object);
	if (relation === undefined || !isTable(relation)) return [];
	const about = (fault: string): CatalogueFault => ({ object, fault });
	if (relation.root !== null) return [about(`grants ${privileges.join(', ')} on a partition to ${role}`)];
	const beyond = privileges.filter((privilege) => ROW_RIGHTS[privilege] === undefined);
	const foreign =
		role === APP && PLATFORM_TABLES.has(object) && `${object} ${privileges.join()}` !== 'migration SELECT';
	return [
		...beyond.map((privilege) => about(`grants ${privilege} to ${role}`)),
		...(foreign ? [about(`is of the platform and grants ${privileges.join(', ')} to ${role}`)] : []),
		...privileges
			.filter((privilege) => lacksPolicy(catalogue, { role, object, privilege }))
			.map((privilege) => about(`has no policy by which ${role} may ${privilege}`)),
	];
}

interface Right {
	readonly role: string;
	readonly object: string;
	readonly privilege: string;
}

function lacksPolicy({ policies }: Catalogue, { role, object, privilege }: Right): boolean {
	const command = ROW_RIGHTS[privilege];
	if (command === undefined) return false;
	return !policies.some(
		(policy) =>
			policy.table === object &&
			policy.permissive &&
			policy.roles.includes(role) &&
			(policy.command === '*' || policy.command === command),
	);
}

// A duplicate is an answer: without the workspace in the key it would tell what another workspace has.
function keyFaults({ table, name, columns }: KeyFacts): readonly CatalogueFault[] {
	if (columns.includes('workspace_id') || KEYS_ACROSS.has(`${table}(${columns.join(', ')})`)) return [];
	return [{ object: table, fault: `has a key ${name} without workspace_id` }];
}

// Foreign keys are checked without regard to row-level security.
function foreignKeyFaults(key: ForeignKeyFacts, catalogue: Catalogue): readonly CatalogueFault[] {
	const { table, name, columns, target, targetColumns } = key;
	if (!isOfWorkspaces(catalogue, table) || !isOfWorkspaces(catalogue, target)) return [];
	const bound = columns.some((column, at) => column === 'workspace_id' && targetColumns[at] === 'workspace_id');
	return bound ? [] : [{ object: table, fault: `has a foreign key ${name} that does not bind workspace_id` }];
}

const NOBODY = '00000000-0000-0000-0000-000000000000';
const SOMEBODY = '11111111-2222-4333-8444-555555555555';

// The policies are as good as the function they compare with.
async function contextFaults(query: Query): Promise<readonly CatalogueFault[]> {
	const given = [
		['', null],
		[NOBODY, null],
		[SOMEBODY, SOMEBODY],
	] as const;
	const faults: CatalogueFault[] = [];
	for (const [context, wanted] of given) {
		const found = await readContext(query, context);
		if (found === wanted) continue;
		faults.push({ object: 'app_workspace', fault: `says ${found} where the transaction names "${context}"` });
	}
	return faults;
}
