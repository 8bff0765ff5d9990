import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { foreignMarks, makeCanary, makeSecret, marksIn } from '../fakes/tenancy-canary.ts';
import { type Company, startCompany } from '../fakes/tenancy-company.ts';
import { createJudge } from '../fakes/tenancy-judge.ts';
import { type Matrix, type Row, readMatrix, rowsOf, withToolset } from '../fakes/tenancy-matrix.ts';
import { bytesOf, type Delivery, faceOf } from '../fakes/tenancy-wire.ts';

// The tests of isolation are themselves tested here: what they look for is planted, and they must find it.

const CANARY = makeCanary('microsoft', 'files');
const DELIVERY: Delivery = {
	status: 200,
	headers: [
		['date', 'Sun, 22 Nov 2026 18:00:00 GMT'],
		['x-request-id', '6f1c2f0e-0000-4000-8000-000000000001'],
		['content-type', 'application/json'],
	],
	body: '{"error":{"data":{"request_id":"6f1c2f0e-0000-4000-8000-000000000001"}}}',
	cut: false,
};

describe('the search for foreign marks', () => {
	it.each([
		['a result', `{"content":[{"type":"text","text":"${CANARY}: hi"}]}`],
		['an event', `event: message\ndata: {"params":{"x-vendor":"${CANARY}"}}\n\n`],
		['escaped JSON', JSON.stringify(JSON.stringify({ text: `"${CANARY}"` }))],
		['the middle of a word', `x${CANARY}x`],
		['an address', `portcullis://microsoft/files/${encodeURIComponent(`test://${CANARY}`)}`],
	])('finds one in %s', (_where, text) => {
		expect(foreignMarks(text, ['google'])).toHaveLength(1);
		expect(foreignMarks(text, ['google', 'microsoft'])).toEqual([]);
	});

	it('finds one in a header, and keys like canaries', () => {
		const secret = makeSecret('companyc');
		const delivery = { ...DELIVERY, headers: [['x-debug', `${CANARY} ${secret}`]] as const };
		expect(foreignMarks(bytesOf(delivery), ['google'])).toEqual([CANARY, secret]);
		expect(marksIn(bytesOf(DELIVERY))).toEqual([]);
	});
});

describe('the comparison of look-alikes', () => {
	const id = '6f1c2f0e-0000-4000-8000-000000000002';
	const twin: Delivery = {
		...DELIVERY,
		headers: [['date', 'Sun, 22 Nov 2026 18:00:01 GMT'], ['x-request-id', id], DELIVERY.headers[2]!],
		body: DELIVERY.body.replace('000000000001', '000000000002'),
	};

	it('overlooks the date and the request id', () => expect(faceOf(twin)).toBe(faceOf(DELIVERY)));

	it.each<[string, Partial<Delivery>]>([
		['a status', { status: 404 }],
		['a header more', { headers: [...twin.headers, ['retry-after', '1']] }],
		['a header less', { headers: twin.headers.slice(0, 2) }],
		['the case of a header', { headers: [...twin.headers.slice(0, 2), ['Content-Type', 'application/json']] }],
		['a byte of the body', { body: `${twin.body} ` }],
		['a request id of some other request', { body: DELIVERY.body }],
	])('sees %s', (_what, change) => expect(faceOf({ ...twin, ...change })).not.toBe(faceOf(DELIVERY)));
});

describe('a gateway that was set up wrongly', () => {
	const MATRIX = readMatrix(new URL('./matrix.yaml', import.meta.url));
	const PLANTED: Matrix = {
		...MATRIX,
		servers: {
			google: { files: 'stdio-modern' },
			microsoft: { files: 'stdio-modern', everything: 'http-legacy' },
			companyc: { files: 'stdio-legacy' },
		},
	};
	let company: Company;

	beforeAll(async () => {
		const { servers, grants, rules, picked } = PLANTED;
		const workspaceOf = (workspace: string) => withToolset(Object.keys(servers[workspace]!), picked);
		company = await startCompany({ servers, grants, workspaceOf, entryOf: () => ({ tools: { rules } }) });
	});
	afterAll(() => company.close());

	async function faultsFor(wanted: Partial<Row>): Promise<readonly string[]> {
		const { judge } = createJudge(company, PLANTED);
		const members = Object.entries(wanted) as [keyof Row, unknown][];
		const rows = rowsOf(PLANTED).filter((row) => members.every(([name, value]) => row[name] === value));
		const faults = await Promise.all(rows.map(judge));
		expect(rows.length).toBeGreaterThan(0);
		return faults.flat();
	}

	it('is found out when a server of one workspace stands in another', async () => {
		const { canary } = company.upstream('microsoft', 'files');
		const tools = { rules: PLANTED.rules };
		const swapped = company.upstream('microsoft', 'files').entry;
		expect(await faultsFor({ person: 'google-employee', workspace: 'google' })).toEqual([]);
		await company.gateway.reconfigure(
			company.config(({ workspace }) => ({ ...(workspace === 'google' && swapped), tools })),
		);
		const faults = await faultsFor({
			person: 'google-employee',
			workspace: 'google',
			operation: 'call a read-only tool',
		});
		expect(faults.filter((fault) => fault.includes(`delivered ${canary}`)).length).toBeGreaterThan(5);
		expect(faults.filter((fault) => fault.includes('arrived at microsoft/files')).length).toBeGreaterThan(5);
	});

	it.each<[string, Partial<Row>, object, RegExp]>([
		[
			'a reader may write',
			{ person: 'employee-b', operation: 'call a writing tool', workspace: 'microsoft' },
			{ group: 'MCP-Microsoft-Readers', workspace: 'microsoft', access: 'write' },
			/reached microsoft/,
		],
		[
			'a stranger may read',
			{ person: 'ms-employee', operation: 'call a read-only tool', workspace: 'google' },
			{ group: 'MCP-Microsoft', workspace: 'google', access: 'read' },
			/reached google/,
		],
		[
			'a stranger may list',
			{ person: 'ms-employee', operation: 'list tools', workspace: 'google' },
			{ group: 'MCP-Microsoft', workspace: 'google', access: 'read' },
			/lists CANARY_google/,
		],
	])('is found out when %s', async (_what, wanted, grant, expected) => {
		const config = company.config(() => ({ tools: { rules: PLANTED.rules } }));
		await company.gateway.reconfigure({ ...config, grants: [...PLANTED.grants, grant] });
		expect((await faultsFor(wanted)).join('\n')).toMatch(expected);
	});

	it('is found out when a rule for a tool is missing', async () => {
		await company.gateway.reconfigure(company.config(() => ({})));
		const faults = await faultsFor({
			person: 'ms-employee',
			operation: 'call a disabled tool',
			workspace: 'microsoft',
		});
		expect(faults.filter((fault) => fault.includes('reached microsoft')).length).toBe(16);
	});
});
