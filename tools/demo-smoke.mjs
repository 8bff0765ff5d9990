// Runs the demo of the README from a fresh data folder and does what a newcomer would: the three printed commands, for
// several people, over every transport. Prints a line for each step and `N passed, N failed` at the end.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = path.resolve(import.meta.dirname, '..');
const MAIN = path.join(ROOT, 'dist/main.js');
const READY_MS = 60_000;
const GONE_MS = 10_000;
const DATA = mkdtempSync(path.join(tmpdir(), 'portcullis-demo-'));
const ENV = { ...process.env, PORTCULLIS_DATA: DATA, PORTCULLIS_LOG_LEVEL: 'warn' };

const GOOGLE = 'google-employee@google.example';
const MICROSOFT = 'ms-employee@microsoft.example';
const BOTH = 'employee-a@company.example';
const READER = 'employee-b@company.example';
const ALL_THREE = 'employee-c@company.example';
const ADMIN = 'admin@company.example';

/** What only the documents of one workspace say. */
const MARKS = { google: 'Firefly', microsoft: 'Bluebird', companyc: 'Heron' };
const OTHERS = /** @type {const} */ ({ google: 'microsoft', microsoft: 'google' });

let passed = 0;
let failed = 0;

/**
 * Runs one step; a step that throws has failed, and the run goes on.
 *
 * @param {string} name
 * @param {() => unknown} run
 */
async function step(name, run) {
	try {
		await run();
		passed++;
		console.log(`ok      ${name}`);
	} catch (error) {
		failed++;
		console.log(`FAILED  ${name}: ${error instanceof Error ? error.message : error}`);
	}
}

/**
 * @param {unknown} holds
 * @param {unknown} seen what there was instead
 */
function check(holds, seen) {
	if (!holds) throw new Error(`found ${typeof seen === 'string' ? seen : JSON.stringify(seen)}`.slice(0, 600));
}

/**
 * @param {unknown} actual
 * @param {unknown} expected
 */
function same(actual, expected) {
	const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
	if (a !== b) throw new Error(`expected ${b}, found ${a}`.slice(0, 600));
}

/**
 * Output of a command of ours that ends; its exit code decides nothing.
 *
 * @param {string[]} args
 */
function portcullis(...args) {
	try {
		return execFileSync(process.execPath, [MAIN, ...args], { cwd: ROOT, env: ENV, encoding: 'utf8' }).trim();
	} catch (error) {
		return String(/** @type {{ stdout?: string }} */ (error).stdout).trim();
	}
}

/** Processes of this machine: id and parent's id. */
function listProcesses() {
	const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat='], { encoding: 'utf8' }).trim().split('\n');
	const all = lines.map((line) => line.trim().split(/\s+/));
	return all.filter(([, , state]) => !state?.startsWith('Z')).map(([pid, parent]) => [Number(pid), Number(parent)]);
}

/**
 * The process and everything it has started.
 *
 * @param {number} pid
 */
function family(pid) {
	const all = listProcesses();
	const found = new Set([pid]);
	for (let size = 0; size !== found.size; ) {
		size = found.size;
		for (const [child = 0, parent = 0] of all) if (found.has(parent)) found.add(child);
	}
	return [...found];
}

/** Starts the demo on free ports; resolves when it has printed that it is ready. */
async function startDemo() {
	const options = ['demo', '--port', '0', '--admin-port', '0'];
	const child = spawn(process.execPath, [MAIN, ...options], {
		cwd: ROOT,
		env: ENV,
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	let text = '';
	child.stdout.setEncoding('utf8').on('data', (chunk) => {
		text += chunk;
	});
	const exit = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
	for (const deadline = Date.now() + READY_MS; !text.includes('Ctrl-C stops'); await sleep(50)) {
		if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the demo is not ready: ${text}`);
	}
	const url = /^Portcullis is ready: (http:\S+)$/m.exec(text)?.[1] ?? '';
	return { pid: Number(child.pid), url, text: () => text, exit, interrupt: () => child.kill('SIGINT') };
}

/** @typedef {Awaited<ReturnType<typeof startDemo>>} Demo */

/**
 * What the gateway answers a person, as the printed commands ask it.
 *
 * @param {Demo} demo
 * @param {string} token
 * @param {{ method: string, params?: object, at?: string }} request
 */
async function ask(demo, token, { method, params = {}, at = '/mcp' }) {
	const response = await fetch(demo.url + at, {
		method: 'POST',
		headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
		body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
	});
	return { status: response.status, ...JSON.parse(await response.text()) };
}

/**
 * @param {Demo} demo
 * @param {string} token
 */
async function toolsOf(demo, token, at = '/mcp') {
	const { result } = await ask(demo, token, { method: 'tools/list', at });
	return /** @type {string[]} */ (result.tools.map((/** @type {{ name: string }} */ tool) => tool.name));
}

/**
 * Text of what a tool answers, or of why it does not.
 *
 * @param {Demo} demo
 * @param {string} token
 * @param {[name: string, args: object]} call
 */
async function call(demo, token, [name, args]) {
	const { result, error } = await ask(demo, token, { method: 'tools/call', params: { name, arguments: args } });
	return error?.message ?? `${result.isError ? 'tool error: ' : ''}${result.content?.[0]?.text}`;
}

/** @param {readonly string[]} tools */
const workspacesIn = (tools) => [...new Set(tools.map((name) => name.split('__')[0]))].sort();

/** @param {string} token */
const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
/** @param {string} token */
const keyOf = (token) => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid;

/** @param {Demo} demo */
async function tryPrintedCommands(demo) {
	await step('prints the three commands of the README', () => {
		for (const part of [`-- token ${BOTH}`, '"method":"tools/list"', '"method":"tools/call"', `${demo.url}/mcp`])
			check(demo.text().includes(part), demo.text());
	});
	const token = portcullis('token', BOTH);
	await step(`gives ${BOTH} a token`, () => check(/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token), token));
	await step('lists the tools of both of their workspaces', async () => {
		const tools = await toolsOf(demo, token);
		same(workspacesIn(tools), ['google', 'microsoft']);
		for (const name of ['google__files__read_text_file', 'microsoft__memory__read_graph', 'google__everything__echo'])
			check(tools.includes(name), tools);
	});
	await step('reads the welcome document', async () => {
		const text = await call(demo, token, ['google__files__read_text_file', { path: 'welcome.md' }]);
		check(text.includes(MARKS.google) && !text.includes(MARKS.microsoft), text);
	});
}

/** @type {readonly [string, readonly string[]][]} */
const PEOPLE = [
	[GOOGLE, ['google']],
	[MICROSOFT, ['microsoft']],
	[BOTH, ['google', 'microsoft']],
	[READER, ['microsoft']],
	[ALL_THREE, ['companyc', 'google', 'microsoft']],
	[ADMIN, ['companyc', 'google', 'microsoft']],
];

/** @param {Demo} demo */
async function tryPeople(demo) {
	for (const [email, workspaces] of PEOPLE) {
		await step(`shows ${email} ${workspaces.join(', ')} and nothing else`, async () => {
			const token = portcullis('token', email);
			const everything = JSON.stringify(await ask(demo, token, { method: 'tools/list' }));
			same(workspacesIn(await toolsOf(demo, token)), workspaces);
			for (const [workspace, mark] of Object.entries(MARKS)) {
				const shown = workspaces.includes(workspace);
				const text = await call(demo, token, [`${workspace}__files__read_text_file`, { path: `${workspace}-plan.md` }]);
				same([workspace, text.includes(mark)], [workspace, shown]);
				same([workspace, everything.includes(`${workspace}__`)], [workspace, shown]);
				const { status } = await ask(demo, token, { method: 'ping', at: `/w/${workspace}/mcp` });
				same([workspace, status], [workspace, shown ? 200 : 404]);
			}
		});
	}
	await step('lets a reader read and not write', async () => {
		const token = portcullis('token', READER);
		const tools = await toolsOf(demo, token);
		check(tools.includes('microsoft__files__list_directory') && !tools.includes('microsoft__files__write_file'), tools);
		const text = await call(demo, token, ['microsoft__files__write_file', { path: 'x.md', content: 'x' }]);
		check(text.startsWith('There is no such tool'), text);
	});
}

/** @param {Demo} demo */
async function tryIsolation(demo) {
	const token = portcullis('token', BOTH);
	for (const [workspace, other] of Object.entries(OTHERS)) {
		await step(`keeps the documents of ${other} out of ${workspace}, also for who may read both`, async () => {
			const read = `${workspace}__files__read_text_file`;
			const folder = path.join(DATA, 'demo/files', other);
			for (const name of [`../${other}/${other}-plan.md`, path.join(folder, `${other}-plan.md`)]) {
				const text = await call(demo, token, [read, { path: name }]);
				check(!text.includes(MARKS[other]), text);
			}
			const found = await call(demo, token, [`${workspace}__files__search_files`, { path: '.', pattern: '**/*' }]);
			check(found.includes(`${workspace}-plan.md`) && !found.includes(`${other}-plan`), found);
		});
		await step(`keeps what ${workspace} remembers from ${other}`, async () => {
			const entities = [{ name: `secret-of-${workspace}`, entityType: 'note', observations: [MARKS[workspace]] }];
			await call(demo, token, [`${workspace}__memory__create_entities`, { entities }]);
			const own = await call(demo, token, [`${workspace}__memory__read_graph`, {}]);
			const foreign = await call(demo, token, [`${other}__memory__read_graph`, {}]);
			same(
				[own, foreign].map((text) => text.includes(`secret-of-${workspace}`)),
				[true, false],
			);
		});
		const transport = workspace === 'google' ? 'http' : 'sse';
		await step(`calls the everything server of ${workspace} over ${transport}`, async () => {
			const text = await call(demo, token, [`${workspace}__everything__echo`, { message: `hello over ${transport}` }]);
			check(text.includes(`hello over ${transport}`), text);
		});
	}
	await step('explains in words who may do what', () => {
		const yes = portcullis('explain', '--as', BOTH, '--tool', 'google/files/write_file');
		const no = portcullis('explain', '--as', MICROSOFT, '--tool', 'google/files/write_file');
		check(yes.includes('Yes: google/files/write_file') && no.includes('No: google/files/write_file'), yes + no);
	});
	await step('refuses who has no token, and says how to sign in', async () => {
		const response = await fetch(`${demo.url}/mcp`, { method: 'POST' });
		same(response.status, 401);
		check(response.headers.get('www-authenticate')?.includes('resource_metadata='), [...response.headers]);
	});
}

/** @param {Demo} demo */
async function tryStop(demo) {
	const members = family(demo.pid);
	await step('ends everything on Ctrl-C', async () => {
		check(members.length > 3, members);
		demo.interrupt();
		same(await Promise.race([demo.exit, sleep(GONE_MS, 'still running', { ref: false })]), 0);
		const left = listProcesses().filter(([pid = 0]) => members.includes(pid));
		same(left, []);
	});
}

/** @param {number} pid */
function killIfAlive(pid) {
	try {
		process.kill(pid, 'SIGKILL');
	} catch {
		// Gone, as it should be.
	}
}

async function run() {
	execFileSync(process.execPath, ['tools/ensure-built.mjs'], { cwd: ROOT, stdio: 'inherit' });
	const demo = await startDemo();
	await step('starts and says where', () => check(/^http:\/\/127\.0\.0\.1:\d+$/.test(demo.url), demo.text()));
	await tryPrintedCommands(demo);
	await tryPeople(demo);
	await tryIsolation(demo);
	const token = portcullis('token', BOTH);
	await tryStop(demo);

	const again = await startDemo();
	await step('starts again over the same folder: the same person, the same key, the same documents', async () => {
		const later = portcullis('token', BOTH);
		same([claimsOf(later).oid, keyOf(later)], [claimsOf(token).oid, keyOf(token)]);
		for (const each of [token, later]) {
			const text = await call(again, each, ['microsoft__files__read_text_file', { path: 'welcome.md' }]);
			check(text.includes(MARKS.microsoft), text);
			const graph = await call(again, each, ['google__memory__read_graph', {}]);
			check(graph.includes('secret-of-google'), graph);
		}
	});
	await tryStop(again);
}

await step('runs to its end', run);
// A step that failed may have left a demo behind.
for (const [pid = 0, parent] of listProcesses()) if (parent === process.pid) family(pid).forEach(killIfAlive);
rmSync(DATA, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
