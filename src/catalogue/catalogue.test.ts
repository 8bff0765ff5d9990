import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { catalogueFaults } from './entry-faults.ts';
import { type CatalogueEntry, ENTRY } from './entry-schema.ts';
import { createCatalogue } from './load-catalogue.ts';

const FILES = readdirSync(new URL('entries/', import.meta.url));
const ALL = createCatalogue().all();

/** Services that the design of the product names. */
const SEEDS = [
	...[
		'linear',
		'gitlab',
		'notion',
		'github',
		'hubspot',
		'pulumi',
		'snowflake',
		'atlassian',
		'asana',
		'slack',
		'sonarqube',
	],
	...[
		'clickup',
		'postgresql',
		'sentry',
		'datadog',
		'google-drive',
		'onedrive-sharepoint',
		'microsoft-teams',
		'filesystem',
	],
];

describe('the catalogue', () => {
	it('has a file for each service, named after it', () => {
		expect(FILES.sort()).toEqual(ALL.map(({ id }) => `${id}.json`).sort());
		expect(ALL).toHaveLength(161);
	});

	it('has every service of the seeds', () => {
		expect(SEEDS.filter((id) => !ALL.some((entry) => entry.id === id))).toEqual([]);
	});

	it('has no fault', () => expect(catalogueFaults(ALL)).toEqual([]));

	it('keeps deprecated ways to be recognised, and has something else for nearly all of them', () => {
		const deprecated = ALL.flatMap(({ id, endpoints }) =>
			endpoints.filter(({ deprecated }) => deprecated !== undefined).map(({ key }) => `${id}/${key}`),
		);
		expect(deprecated).toHaveLength(35);
		expect(
			ALL.filter(({ endpoints }) => endpoints.every((each) => each.deprecated !== undefined)).map(({ id }) => id),
		).toEqual(['puppeteer']);
	});

	it('says of each package that was run what was seen', () => {
		const runs = ALL.flatMap(({ endpoints }) => endpoints.flatMap((each) => ('run' in each && each.run) || []));
		expect(runs).toHaveLength(87);
	});
});

describe('reading the catalogue', () => {
	it('reads one entry alone, and no other file', () => {
		const catalogue = createCatalogue();
		expect(catalogue.entry('linear')?.name).toBe('Linear');
		expect(catalogue.entry('linear')).toBe(catalogue.entry('linear'));
	});

	it('reads nothing before it is asked, so that a start costs nothing', () => {
		const nowhere = createCatalogue('/no/such/folder');
		expect(nowhere.entry('linear')).toBeUndefined();
		expect(() => nowhere.all()).toThrow();
	});

	it.each(['', '..', '../entries/linear', 'Linear', 'linear.json', 'no-such', '__proto__'])(
		'knows nothing called %j',
		(id) => {
			expect(createCatalogue().entry(id)).toBeUndefined();
		},
	);
});

/** A small entry without a fault. */
const SOUND = {
	...{ id: 'acme', name: 'Acme', category: 'Files', vendor: 'Acme', official: true, description: 'Does things.' },
	docs: 'https://acme.example/docs',
	aliases: [{ name: 'acme-old', note: 'It is called Acme now.' }],
	endpoints: [
		{
			...{ key: 'http', transport: 'http', url: 'https://{site}.acme.example/mcp' },
			headers: { 'X-Set': '{set}' },
			variables: [
				{ name: 'site', description: 'the site' },
				{ name: 'set', description: 'a set of tools', required: false },
			],
			signIn: [
				{
					...{ kind: 'api-key', headers: { Authorization: 'Bearer ${secret:token}' } },
					secrets: [{ name: 'token', description: 'the token', link: 'https://acme.example/keys' }],
				},
			],
		},
		{
			...{ key: 'npm', transport: 'stdio', runtime: 'npm', package: '@acme/mcp', version: '1.2.3' },
			args: ['--key', '${secret:key}', '{folder}'],
			env: { MODE: 'stdio' },
			indirection: { secrets: ['key'], how: 'in-process' },
			variables: [{ name: 'folder', description: 'the folder', kind: 'folder' }],
			signIn: [{ kind: 'api-key', secrets: [{ name: 'key', description: 'the key' }] }],
		},
		{
			...{ key: 'sse', transport: 'sse', url: 'https://acme.example/sse', signIn: [{ kind: 'none' }] },
			deprecated: { why: 'It is old.', use: 'http' },
		},
	],
	...{ confidence: 'high', checked: { how: 'documents', at: '2026-11-22' } },
};

type Plain = Record<string, unknown>;

/** The sound entry with one value replaced, at a path such as `endpoints.0.url`. */
function planted(path: string, value: unknown): CatalogueEntry {
	const entry = structuredClone(SOUND) as Plain;
	const parts = path.split('.');
	const last = parts.pop() ?? '';
	const holder = parts.reduce<Plain>((at, part) => at[part] as Plain, entry);
	if (value === undefined) delete holder[last];
	else holder[last] = value;
	return ENTRY.parse(entry);
}

describe('the checks of the catalogue', () => {
	it('find nothing in what is sound', () => {
		expect(catalogueFaults([ENTRY.parse(SOUND)])).toEqual([]);
	});

	it.each<[path: string, value: unknown, fault: string]>([
		['docs', 'https://user:pass@acme.example/', 'a name or a password in it'],
		['docs', 'https://acme.example/?api_key=1', 'a secret in its query'],
		['docs', 'https://acme/', 'has no public host'],
		['aliases', [{ name: 'http://acme.example/mcp' }], 'is not https'],
		['aliases', [{ name: 'ACME' }], 'acme names more than one thing'],
		['endpoints.0.url', 'https://acme.example/mcp', 'variable site is not used'],
		['endpoints.0.url', 'https://{site}.acme.example/{x}', '{x} is not declared'],
		['endpoints.0.url', 'http://{site}.acme.example/mcp', 'is not https'],
		['endpoints.0.url', 'https://{site}.acme.example/?token={set}', 'a secret in its query'],
		['endpoints.0.url', 'https://{site}.acme.example/${secret:token}', '${secret:token} stands outside of a sign-in'],
		['endpoints.0.url', 'https://{site}.acme.example/{Site}', 'is no template'],
		[
			'endpoints.0.headers',
			{ 'X-Set': '{set}', 'X-Api-Key': 'abc' },
			'X-Api-Key is a secret by its name, but holds none',
		],
		[
			'endpoints.0.signIn.0.headers',
			{ Authorization: 'Bearer abc' },
			'Authorization is a secret by its name, but holds none',
		],
		['endpoints.0.signIn.0.headers', { Authorization: '${secret:other}' }, '${secret:other} is not declared'],
		['endpoints.0.signIn.0.headers', undefined, 'secret token is not used'],
		['endpoints.0.signIn.0.query', { key: '${secret:token}' }, 'has a secret in its address and does not say so'],
		['endpoints.0.signIn.0.env', { KEY: '${secret:token}' }, 'has a sign-in for another transport'],
		['endpoints.0.signIn.0.secrets.0.link', 'https://a:b@acme.example/', 'a name or a password in it'],
		['endpoints.0.signIn', [{ kind: 'oauth2-preregistered' }], 'does not say how to get an OAuth client'],
		['endpoints.0.variables.1', { name: 'set', description: 'x y', default: 'a' }, ''],
		['endpoints.0.variables.2', { name: 'set', description: 'x y' }, 'variable set is declared twice'],
		['endpoints.1.key', 'http', 'has the key http twice'],
		['endpoints.1.version', undefined, '@acme/mcp has no version'],
		['endpoints.1.version', 'latest', 'latest is not one version'],
		['endpoints.1.version', '^1.2.3', '^1.2.3 is not one version'],
		['endpoints.1.version', '1.x', '1.x is not one version'],
		['endpoints.1.version', '1', '1 is not one version'],
		['endpoints.1.package', undefined, 'names no package'],
		['endpoints.1.runtime', 'binary', 'names no program'],
		['endpoints.1.args', ['{folder}', 'x@latest', '${secret:key}'], 'x@latest is not one version'],
		['endpoints.1.indirection', undefined, '${secret:key} is in an argument and has no indirection'],
		['endpoints.1.args', ['{folder}'], 'indirection of key, which no argument has'],
		['endpoints.1.env', { MODE: 'stdio', ACME_TOKEN: 'abc' }, 'ACME_TOKEN is a secret by its name, but holds none'],
		['endpoints.2.deprecated.use', 'nowhere', 'leads to nowhere, which there is not'],
		['endpoints.2.deprecated.use', 'sse', 'leads to sse, which is deprecated too'],
	])('judge %s: %j', (path, value, fault) => {
		const faults = catalogueFaults([planted(path, value)]);
		if (fault === '') expect(faults).toEqual([]);
		else expect(faults.join('\n')).toContain(fault);
	});

	it('find a default of what is a secret by its name', () => {
		const variables = [{ name: 'api_key', description: 'the key', default: 'abc' }];
		const entry = planted('endpoints.0', {
			...SOUND.endpoints[0],
			variables,
			url: 'https://acme.example/{api_key}',
			headers: {},
		});
		expect(catalogueFaults([entry]).join('\n')).toContain('variable api_key is a secret by its name and has a default');
	});

	it('find a name that two services claim', () => {
		const other = ENTRY.parse({ ...SOUND, id: 'other', aliases: [{ name: 'Acme-Old' }] });
		expect(catalogueFaults([ENTRY.parse(SOUND), other])).toEqual(['acme-old names more than one thing']);
	});

	it.each<[path: string, value: unknown]>([
		['id', 'Acme Inc'],
		['description', 'No full stop'],
		['docs', 'http://acme.example/'],
		['endpoints.1.minNode', '>=22'],
		['endpoints.1.minNode', 'lts'],
		['endpoints.0.transport', 'streamable-http'],
		['endpoints.0.signIn', []],
		['endpoints.0.surprise', true],
		['checked.at', 'yesterday'],
	])('refuse by the schema: %s %j', (path, value) => expect(() => planted(path, value)).toThrow());
});
