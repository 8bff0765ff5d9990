// Makes the golden pairs of test/golden/mcpo by running the real mcpo in front of the fixture server.
// `node tools/golden-mcpo.mjs [--check]`; MCPO names the program, `mcpo` otherwise. --check compares and changes nothing.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { mcpoConfigOf, startMcpoFixture } from '../test/fakes/mcpo-fixture-network.mjs';
import { documentOf, withMcpo } from './mcpo-process.mjs';

const FOLDER = join(import.meta.dirname, '..', 'test', 'golden', 'mcpo');
const FIXTURE = join(import.meta.dirname, '..', 'test', 'fakes', 'mcpo-fixture.mjs');
const KEY = 'golden-key';
const HOLDER = { authorization: `Bearer ${KEY}` };

await withMcpo(['--api-key', KEY, '--', process.execPath, FIXTURE], async (ask) => {
	keep('document.json', await documentOf(ask));
	const pairs = [];
	for (const asked of read('requests.json')) pairs.push({ ...asked, answer: await answerTo(ask, asked) });
	keep('pairs.json', pairs);
});

const folder = mkdtempSync(join(tmpdir(), 'golden-mcpo-'));
const fixture = await startMcpoFixture();
try {
	const file = join(folder, 'config.json');
	writeFileSync(file, JSON.stringify(mcpoConfigOf(fixture, FIXTURE)));
	const asked = read('auth-requests.json');
	const pairs = [];
	for (const isStrict of [false, true]) {
		const args = ['--api-key', KEY, ...(isStrict ? ['--strict-auth'] : []), '--config', file];
		await withMcpo(args, async (ask) => {
			const documents = {};
			for (const name of ['files', 'events', 'stream']) {
				documents[name] = await documentOf(ask, { path: `/${name}/openapi.json`, headers: HOLDER });
			}
			if (!isStrict) {
				const root = await ask({ path: '/openapi.json', method: 'GET' });
				keep('config-documents.json', { root: JSON.parse(root.text), ...documents });
			}
			for (const each of asked) pairs.push({ isStrict, ...each, answer: await verdictOn(ask, each) });
		});
	}
	keep('auth-pairs.json', pairs);
} finally {
	await fixture.close();
	rmSync(folder, { recursive: true });
}

function read(name) {
	return JSON.parse(readFileSync(join(FOLDER, name), 'utf8'));
}

function keep(name, value) {
	const path = join(FOLDER, name);
	const text = `${JSON.stringify(value, null, '\t')}\n`;
	if (!process.argv.includes('--check')) return writeFileSync(path, text);
	if (!isDeepStrictEqual(JSON.parse(readFileSync(path, 'utf8')), JSON.parse(text)))
		throw new Error(`mcpo answers otherwise than ${path} says`);
}

async function answerTo(ask, { path, method, body, type = 'application/json' }) {
	const headers = { ...HOLDER, ...(body !== undefined && type && { 'content-type': type }) };
	const { status, text, headers: told } = await ask({ path, method, body, headers });
	const allow = told.allow === undefined ? {} : { allow: told.allow };
	return { status, type: told['content-type'], ...allow, text };
}

// Of pages and documents it is enough that they were shown.
async function verdictOn(ask, { path, method = 'POST', authorization }) {
	const headers = { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) };
	const body = method === 'POST' ? '{"timezone":"UTC"}' : undefined;
	const { status, text, headers: told } = await ask({ path, method, headers, body });
	const challenge = told['www-authenticate'] === undefined ? {} : { challenge: told['www-authenticate'] };
	return { status, ...challenge, ...(status === 200 && method !== 'POST' ? {} : { text }) };
}
