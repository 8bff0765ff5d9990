import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { SETTINGS } from './environment.ts';
import { createFileSchema } from './file-schema.ts';
import { DEFAULT_UPSTREAM_LIMITS } from './limits.ts';
import { parseConfig } from './parse-config.ts';

const DOCS = readFileSync(new URL('../../docs/config.md', import.meta.url), 'utf8');
const EXAMPLE = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');

type Schema = z.core.JSONSchema.JSONSchema;

/** Every key of the file with its default, by a path such as `directories[].id`. */
function schemaKeys(schema: Schema, prefix = ''): [path: string, fallback: unknown][] {
	const own = Object.entries(schema.properties ?? {}).flatMap(([name, child]): [string, unknown][] => {
		const path = prefix === '' ? name : `${prefix}.${name}`;
		return [[path, (child as Schema).default], ...schemaKeys(child as Schema, path)];
	});
	const { additionalProperties: values, items, oneOf = [] } = schema;
	return [
		...own,
		...(typeof values === 'object' ? schemaKeys(values, `${prefix}.*`) : []),
		...(typeof items === 'object' ? schemaKeys(items as Schema, `${prefix}[]`) : []),
		...oneOf.flatMap((branch) => schemaKeys(branch as Schema, prefix)),
	];
}

/** Every row of the tables about the file with its default, by the same paths. */
function documentedKeys(): [path: string, fallback: string][] {
	const sections = DOCS.slice(DOCS.indexOf('## The keys of the file')).split(/^## /m);
	return sections.flatMap((section) => {
		const title = section.slice(0, section.indexOf('\n'));
		const places = title.startsWith('`') ? [...title.matchAll(/`([^`]+)`/g)].map((match) => `${match[1]}.`) : [''];
		const rows = [...section.matchAll(/^\| `(\w+)` \| (.*?) \| .+ \|$/gm)];
		return rows.flatMap(([, name = '', fallback = '']) =>
			places.map((place): [string, string] => [place + name, fallback]),
		);
	});
}

const SCHEMA = createFileSchema({ folder: '.', env: {}, readSecretFile: () => '', references: new Map() });
const KEYS = new Map(schemaKeys(z.toJSONSchema(SCHEMA, { io: 'input', unrepresentable: 'any' })));

describe('docs/config.md', () => {
	test.each(Object.values(SETTINGS))('has the row of $name as the table has it', (setting) => {
		expect(DOCS).toContain(`| \`${setting.name}\` | \`${setting.default}\` | ${setting.meaning} |`);
	});

	test('names every key of the file and no other', () => {
		expect(
			documentedKeys()
				.map(([path]) => path)
				.sort(),
		).toEqual([...KEYS.keys()].sort());
	});

	test('gives every default as it is', () => {
		const wrong = documentedKeys().filter(([path, fallback]) => {
			const limit = DEFAULT_UPSTREAM_LIMITS[path.split('.').at(-1) as keyof typeof DEFAULT_UPSTREAM_LIMITS];
			const actual = KEYS.get(path) ?? limit;
			return typeof actual !== 'object' && actual !== undefined && fallback !== `\`${String(actual)}\``;
		});
		expect(wrong).toEqual([]);
	});

	test('shows a file that has no faults', () => {
		const example = /```yaml\n(.*?)```/s.exec(DOCS)?.[1] ?? '';
		const options = { file: 'portcullis.yaml', env: { GOOGLE_KEY: 'k' }, version: 1, readSecretFile: () => 'k' };
		expect(parseConfig(example, options).workspaces.size).toBe(1);
	});
});

describe('.env.example', () => {
	test.each(Object.values(SETTINGS))('has $name with its default and meaning', (setting) => {
		expect(EXAMPLE).toContain(`# ${setting.meaning}\n#${setting.name}=${setting.default}\n`);
	});

	test('has no other setting of the gateway', () => {
		expect([...EXAMPLE.matchAll(/^#?((?:PORTCULLIS|DATABASE|REDIS)_\w+)=/gm)].length).toBe(
			Object.keys(SETTINGS).length,
		);
	});
});
