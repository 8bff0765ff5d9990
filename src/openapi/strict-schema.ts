import type { ExactJson } from '../lib/json-exact.ts';
import { looksLikeReference } from './resolve-ref.ts';
import type { Field, Model, Shape } from './shape.ts';
import { memberTitle } from './tool-names.ts';

/** Schemas by their key among the components of a document. */
export type Components = Map<string, ExactJson>;

type Schema = ReadonlyMap<string, ExactJson>;

/**
 * Writes a model as mcpo's would be written, with everything that it loses: each object with members is a component of its
 * own, beside `<key>` as `<key>_<member>_model`.
 */
export function strictSchema(
	model: Model,
	names: { readonly key: string; readonly title: string },
	into: Components,
): void {
	const required = model.fields.filter(({ isRequired }) => isRequired).map(({ name }) => name);
	into.set(
		names.key,
		new Map<string, ExactJson>([
			['properties', new Map(model.fields.map((field) => [field.name, memberSchema(field, names, into)]))],
			['type', 'object'],
			...(required.length > 0 ? [['required', required] as const] : []),
			['title', names.title],
		]),
	);
}

type Names = { readonly key: string; readonly title: string };

function memberSchema({ name, shape, fallback, description }: Field, above: Names, into: Components): Schema {
	const below = { key: `${above.key}_${name}`, title: `${above.title}_${name}` };
	const title = shape.kind === 'model' ? [] : [['title', memberTitle(name)] as const];
	return new Map<string, ExactJson>([
		...schemaOf(shape, below, into),
		...title,
		['description', description],
		...(fallback === undefined || looksLikeReference(fallback) ? [] : [['default', fallback] as const]),
	]);
}

function schemaOf(shape: Shape, names: Names, into: Components): Schema {
	switch (shape.kind) {
		case 'any':
			return new Map();
		case 'bag':
			return new Map<string, ExactJson>([
				['additionalProperties', true],
				['type', 'object'],
			]);
		case 'list': {
			const item = { key: `${names.key}_item`, title: `${names.title}_item` };
			return new Map<string, ExactJson>([
				['items', schemaOf(shape.item, item, into)],
				['type', 'array'],
			]);
		}
		case 'union':
			return new Map([['anyOf', shape.of.map((each) => schemaOf(each, names, into))]]);
		case 'model': {
			const own = { key: `${names.key}_model`, title: `${names.title}_model` };
			strictSchema(shape, own, into);
			return new Map([['$ref', `#/components/schemas/${own.key}`]]);
		}
		default:
			return new Map([['type', shape.kind]]);
	}
}
