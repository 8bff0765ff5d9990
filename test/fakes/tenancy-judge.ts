import type { Caller } from './tenancy-caller.ts';
import { foreignMarks, marksIn } from './tenancy-canary.ts';
import type { Company } from './tenancy-company.ts';
import { type Deed, deedAt, type Matrix, nameAt, type Operation, type Row } from './tenancy-matrix.ts';
import { bytesOf, type Delivery, faceOf, refusalIn, responseIn } from './tenancy-wire.ts';
import type { GivenKey } from './with-keys.ts';

/** Plays a row and says all that is wrong with how it ended; nothing when it ended as the matrix says. */
export type Judge = (row: Row) => Promise<readonly string[]>;

/** A judge with its callers; `asked` is every marker of a row that had to be refused, to look for once more at the end. */
export function createJudge(
	company: Company,
	matrix: Matrix,
	keys: ReadonlyMap<string, GivenKey> = new Map(),
): { judge: Judge; readonly refused: readonly string[] } {
	const callers = new Map<string, Caller>();
	const refused: string[] = [];
	let count = 0;
	const callerOf = ({ person, era }: Row): Caller => {
		const key = `${person} ${era}`;
		const { groups = [] } = matrix.people[person]!;
		const text = keys.get(person)?.text;
		const who = { name: person, groups, ...(text !== undefined && { key: text }) };
		const caller = callers.get(key) ?? company.caller(who, era);
		callers.set(key, caller);
		return caller;
	};
	const judge: Judge = async (row) => {
		const marker = `MARK-${++count}`;
		if (!row.allowed) refused.push(marker);
		const played = { company, matrix, row, marker, caller: callerOf(row) };
		return (await play(played)).map((fault) => `${row.address}, ${row.era}: ${fault}`);
	};
	return { judge, refused };
}

interface Played {
	readonly company: Company;
	readonly matrix: Matrix;
	readonly row: Row;
	readonly marker: string;
	readonly caller: Caller;
}

const NOWHERE = { workspace: 'nonesuch', server: 'nonesuch', suffix: '' };

async function play(played: Played): Promise<readonly string[]> {
	const { row, marker } = played;
	const operation = played.matrix.operations[row.operation]!;
	const deed = deedAt(operation, row.address, { ...row, suffix: '' }, marker);
	const answer = await ask(played, deed);
	const leaks = leaksIn(played, answer);
	if (row.allowed) return [...leaks, ...allowedFaults(played, operation, answer)];
	const arrived = played.company.sightings(marker).map((server) => `reached ${server}`);
	return [...leaks, ...arrived, ...(await refusalFaults(played, operation, answer))];
}

// Whether there is anything at the address for them: aggregates are there without the servers outside a key.
function isOpen({ inside, within, address }: Row): boolean {
	return inside && (within || address !== 'server');
}

// Where a person holds nothing no session can be had, and asking for one would only be refused alike.
function ask({ caller, row }: Played, { path, method, params }: Deed): Promise<Delivery> {
	return caller.send(path, method, params, { id: 'same', sessionless: !isOpen(row) && row.address !== 'all' });
}

function leaksIn({ company, matrix, row }: Played, answer: Delivery): readonly string[] {
	const own = Object.entries(matrix.people[row.person]!.holds).filter(([, level]) => level !== 'nothing');
	const slugs = own.map(([workspace]) => workspace);
	const foreign = Object.keys(matrix.servers).filter((workspace) => !slugs.includes(workspace));
	const text = bytesOf(answer);
	const secrets = Object.values(company.secrets).filter((secret) => text.includes(secret));
	return [...foreignMarks(text, slugs), ...secrets, ...foreign.filter((slug) => text.includes(slug))].map(
		(found) => `delivered ${found}`,
	);
}

function allowedFaults({ company, row, marker }: Played, operation: Operation, answer: Delivery): readonly string[] {
	const { result } = responseIn(answer);
	if (answer.status !== 200 || result === undefined || result.isError === true) return [`answered ${answer.body}`];
	const { canary } = company.upstream(row.workspace, row.server);
	if (operation.lists) return answer.body.includes(canary) ? [] : ['the list lacks the server'];
	const place = `${row.workspace}/${row.server}`;
	const arrived = company.sightings(marker);
	const astray = arrived.join() === place ? [] : [`arrived at ${arrived.join() || 'no server'} instead of ${place}`];
	const strangers = marksIn(answer.body).filter((mark) => mark !== canary);
	const silent = operation.tool === 'add' ? result.structuredContent?.sum !== 5 : !answer.body.includes(canary);
	return [...astray, ...strangers.map((mark) => `delivered ${mark}`), ...(silent ? ['is not its answer'] : [])];
}

async function refusalFaults(played: Played, operation: Operation, answer: Delivery): Promise<readonly string[]> {
	const { row, marker } = played;
	const isLeftOut = row.inside ? !row.within && row.address !== 'server' : row.address === 'all';
	if (isLeftOut && operation.lists) return missingFaults(played, answer);
	const code = expectedCode(row, operation);
	const wrong = refusalIn(answer) === code ? [] : [`answered ${refusalIn(answer)} instead of ${code}`];
	const unknown = row.within ? { ...row, suffix: '_nonesuch' } : { ...row, server: 'nonesuch', suffix: '' };
	const place = row.inside ? unknown : NOWHERE;
	const twin = await ask(played, deedAt(operation, row.address, place, `${marker}-twin`));
	return faceOf(answer) === faceOf(twin) ? wrong : [...wrong, `differs from ${faceOf(twin)}`];
}

// An aggregate answers whoever may be there; what it must not do is mention the server.
function missingFaults({ company, row }: Played, answer: Delivery): readonly string[] {
	if (responseIn(answer).result === undefined) return [`answered ${answer.body}`];
	const { canary } = company.upstream(row.workspace, row.server);
	const traces = [canary, nameAt(row.address, { ...row, suffix: '' }, '')];
	return traces.filter((trace) => answer.body.includes(trace)).map((trace) => `lists ${trace}`);
}

function expectedCode(row: Row, operation: Operation): string {
	if (!isOpen(row) && row.address !== 'all') return 'PC_ADDRESS_UNKNOWN';
	if (operation.resource) return 'PC_RESOURCE_UNKNOWN';
	return operation.tool ? 'PC_TOOL_UNKNOWN' : 'PC_PROMPT_UNKNOWN';
}
