import { describe, expect, test } from 'vitest';
import { directorySchema } from './directory-schema.ts';
import { isConfigFaults } from './faults.ts';
import { serverSchema, settingsSchema, workspaceSchema } from './file-schema.ts';
import { parseConfig } from './parse-config.ts';
import { readEntry } from './read-entry.ts';
import { createLenientLookup, type SecretLookup } from './secret-template.ts';

const DIRECTORY = {
	id: 'd',
	issuer: 'https://i.example',
	tenantId: 't',
	audiences: ['a'],
	jwksUrl: 'https://i.example/k',
};

const strict: SecretLookup = {
	...{ folder: '.', env: { KEY: 'canary' }, references: new Map() },
	readSecretFile: () => {
		throw Object.assign(new Error(), { code: 'ENOENT' });
	},
};

function faultsOfFile(workspaces: unknown): readonly { readonly path: string; readonly message: string }[] {
	try {
		const text = JSON.stringify({ directories: [DIRECTORY], workspaces });
		parseConfig(text, { file: 'p.yaml', version: 1, ...strict });
		return [];
	} catch (error) {
		if (!isConfigFaults(error)) throw error;
		return error.faults.map(({ path, message }) => ({ path, message }));
	}
}

const faultsOf = (reading: object) =>
	('faults' in reading ? reading.faults : []) as { path: string; message: string }[];
const byPath = (a: { path: string; message: string }, b: { path: string; message: string }) =>
	`${a.path} ${a.message}` < `${b.path} ${b.message}` ? -1 : 1;

const SERVERS = {
	fine: { transport: 'http', url: 'https://u.example', headers: { 'x-key': '${env:KEY}' } },
	'no address': { transport: 'http' },
	'another transport': { transport: 'carrier-pigeon' },
	'an unknown key': { transport: 'stdio', command: 'c', urll: 1 },
	'plain http': { transport: 'sse', url: 'http://u.example' },
	'a secret written out': { transport: 'http', url: 'https://u.example', headers: { Authorization: 'canary' } },
	'absent secrets': { transport: 'stdio', command: 'c', env: { A: '${env:ABSENT}', B: '${file:absent}' } },
	'a reference in the command': { transport: 'stdio', command: '${env:KEY}' },
	'a rule of nobody': { transport: 'stdio', command: 'c', tools: { rules: { t: { minimumLevel: 'root' } } } },
	'no map': ['x'],
	nothing: null,
};

describe('an entry on its own', () => {
	test.each(Object.entries(SERVERS))('has the faults of a file with such a server: %s', (_, server) => {
		const alone = faultsOf(readEntry(serverSchema(strict), server));
		const inFile = faultsOfFile({ w: { servers: { s: server } } });
		const placed = alone.map(({ path, message }) => {
			return { path: `workspaces.w.servers.s${path === '' ? '' : `.${path}`}`, message };
		});
		expect(placed.sort(byPath)).toEqual([...inFile].sort(byPath));
		expect(JSON.stringify(alone)).not.toContain('canary');
	});

	test('is the entry that the schema understands, with its defaults', () => {
		const reading = readEntry(serverSchema(strict), SERVERS.fine);
		expect(reading).toMatchObject({ entry: { transport: 'http', enabled: true, isolation: 'shared' } });
	});

	test('has the faults of a workspace, toolsets compared with its servers', () => {
		const workspace = { servers: { s: SERVERS.fine }, toolsets: { t: { tools: ['z/x'] } }, members: [{ oid: 'o' }] };
		expect(faultsOf(readEntry(workspaceSchema(strict), workspace)).sort(byPath)).toEqual([
			{ path: 'members[0].access', message: 'is missing' },
			{ path: 'toolsets.t.tools[0]', message: 'there is no such server; did you mean s?' },
		]);
	});

	test('may hold no key that the schema would pass over', () => {
		const hidden = JSON.parse('{"transport":"stdio","command":"c","env":{"__proto__":"x"}}') as unknown;
		expect(faultsOf(readEntry(serverSchema(strict), hidden))).toEqual([
			{ path: 'env.__proto__', message: 'this key is not allowed' },
		]);
	});

	test('may be a directory, or the settings of the gateway', () => {
		expect(readEntry(directorySchema(createLenientLookup()), DIRECTORY)).toEqual({ entry: DIRECTORY });
		expect(faultsOf(readEntry(settingsSchema(), { limits: { jsonDepth: 0 } }))).toEqual([
			{ path: 'limits.jsonDepth', message: 'must be at least 1' },
		]);
	});
});

describe('a lenient lookup', () => {
	test('finds every secret, and nothing else changes', () => {
		for (const [name, server] of Object.entries(SERVERS)) {
			const faults = faultsOf(readEntry(serverSchema(createLenientLookup()), server));
			const expected = faultsOf(readEntry(serverSchema(strict), server));
			expect(faults, name).toEqual(name === 'absent secrets' ? [] : expected);
		}
	});
});
