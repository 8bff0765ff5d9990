import * as z from 'zod';
import { ENTRY } from '../../src/catalogue/entry-schema.ts';

/** JSON Schema, as far as this page reads it. */
interface Schema {
	readonly type?: string;
	readonly description?: string;
	readonly enum?: readonly string[];
	readonly const?: string;
	readonly default?: unknown;
	readonly properties?: Readonly<Record<string, Schema>>;
	readonly required?: readonly string[];
	readonly items?: Schema;
	readonly oneOf?: readonly Schema[];
	readonly $ref?: string;
	readonly additionalProperties?: Schema | boolean;
	readonly $defs?: Readonly<Record<string, Schema>>;
}

const INTRO = `# Files of the catalogue

Made by \`npm run catalogue:docs\` from \`src/catalogue/entry-schema.ts\`; change that, not this page.

A service is one file, \`src/catalogue/entries/<id>.json\`. It is read when somebody asks for it, never by a start of the gateway.
In templates (addresses, headers, arguments, variables of the environment) \`{name}\` stands for a variable, which is not secret and
is given with \`--set name=…\`, and \`\${secret:name}\` for a secret, which is kept in the credential store. Every name is declared, and
whatever is declared is used. A header or variable whose template names an optional thing that is not given is left out.

\`npm run check\` holds every file against this page and against what a schema cannot say (\`src/catalogue/entry-faults.ts\`): names lead
to one service each; addresses are https and carry no name, password or key; no secret has a value or a default; secrets stand in
ways to sign in only, and in arguments only with an \`indirection\`; packages have one exact version; what is deprecated leads to
something that is not.

Values never choose where a secret goes: a variable fills one label of a host or one part of a path, and only a kind \`host\` names a
host. Kinds \`file\` and \`folder\` are paths on the gateway's own machine, which only its operator may choose.`;

/** docs/catalogue-format.md: every field of an entry with what it means. */
export function renderFormat(): string {
	const root = z.toJSONSchema(ENTRY, { io: 'input' }) as unknown as Schema;
	const sections: string[] = [];
	describe(root, { title: 'An entry', sections, defs: root.$defs ?? {}, seen: new Set() });
	return `${[INTRO, ...sections].join('\n\n')}\n`;
}

interface Page {
	readonly title: string;
	readonly sections: string[];
	readonly defs: Readonly<Record<string, Schema>>;
	readonly seen: Set<string>;
}

function describe(schema: Schema, page: Page): void {
	const rows: string[] = [];
	const below: (readonly [string, Schema])[] = [];
	for (const [name, field] of Object.entries(schema.properties ?? {})) {
		const inner = objectsIn(field, page);
		below.push(...inner.map((each) => [titleOf(name, each), each] as const));
		const need = schema.required?.includes(name) === true ? 'yes' : '';
		rows.push(
			`| \`${name}\` | ${shapeOf(field, page)} | ${need} | ${(textOf(field, page) ?? '').replaceAll('|', '\\|')} |`,
		);
	}
	const lines = ['| field | is | needed | what it says |', '| --- | --- | --- | --- |', ...rows];
	page.sections.push(`## ${page.title}\n\n${lines.join('\n')}`);
	for (const [title, inner] of below) {
		if (page.seen.has(title)) continue;
		page.seen.add(title);
		describe(inner, { ...page, title });
	}
}

function titleOf(name: string, schema: Schema): string {
	const transport = schema.properties?.['transport']?.const;
	return transport === undefined ? `\`${name}\`` : `\`${name}\`: ${transport}`;
}

function resolved(schema: Schema, { defs }: Page): Schema {
	const name = schema.$ref?.split('/').at(-1);
	return name === undefined ? schema : (defs[name] ?? schema);
}

/** The kinds of objects that a field holds, itself or in a list. */
function objectsIn(field: Schema, page: Page): readonly Schema[] {
	const schema = resolved(field, page);
	if (schema.items !== undefined) return objectsIn(schema.items, page);
	if (schema.oneOf !== undefined) return schema.oneOf.flatMap((each) => objectsIn(each, page));
	return schema.properties === undefined ? [] : [schema];
}

function shapeOf(field: Schema, page: Page): string {
	const schema = resolved(field, page);
	if (schema.items !== undefined) return `list of ${shapeOf(schema.items, page)}`;
	if (schema.const !== undefined) return `\`${schema.const}\``;
	if (schema.enum !== undefined) return schema.enum.map((each) => `\`${each}\``).join(', ');
	if (schema.oneOf !== undefined || schema.properties !== undefined) return 'object';
	if (typeof schema.additionalProperties === 'object') return 'names with templates';
	return `${schema.type ?? 'text'}${schema.default === undefined ? '' : `, \`${String(schema.default)}\` when left out`}`;
}

function textOf(field: Schema, page: Page): string | undefined {
	return field.description ?? resolved(field, page).description;
}

/** Fields without a word. */
export function wordlessFields(): readonly string[] {
	return renderFormat()
		.split('\n')
		.filter((line) => /^\| `.*\| +\|$/.test(line));
}
