import { type ExactJson, type ExactObject, exactOf, isExactObject } from '../lib/json-exact.ts';
import { fullSchema } from './full-schema.ts';
import { shapeOf } from './shape.ts';
import { type Components, strictSchema } from './strict-schema.ts';
import { namesOfTools, type ToolNames } from './tool-names.ts';

/** A tool as a document is made of it. */
export interface DocumentedTool {
	readonly name: string;
	/** Its definition as its server gave it. */
	readonly definition: ExactObject;
}

/** What a document is made of. */
export interface DocumentParts {
	readonly title: string;
	readonly description: string;
	readonly version: string;
	/** Path of the service; empty at the root of its host. */
	readonly path: string;
	readonly tools: readonly DocumentedTool[];
	/** Whether callers have to sign in. */
	readonly isProtected: boolean;
	/** As mcpo 0.0.20, with what it loses of a schema. */
	readonly isStrict: boolean;
}

const JSON_BODY = 'application/json';
const SIGNED_IN = [{ HTTPBearer: [] }];
const ref = (key: string): object => ({ $ref: `#/components/schemas/${key}` });

/** The OpenAPI 3.1 document of tools, with the addresses, operation ids and components that mcpo would give them. */
export function openApiDocument(parts: DocumentParts): ExactObject {
	const { title, description, version, path, tools, isProtected } = parts;
	const names = namesOfTools(tools.map(({ name }) => name));
	const components: Components = new Map(faultSchemas());
	const paths = tools.map((tool, index): [string, ExactJson] => {
		const own = names[index] as ToolNames;
		return [own.path, new Map([['post', operationOf(tool, own, { parts, components })]])];
	});
	return new Map<string, ExactJson>([
		['openapi', '3.1.0'],
		['info', exactOf({ title, description, version })],
		...(path === '' ? [] : [['servers', exactOf([{ url: path }])] as const]),
		['paths', new Map(paths)],
		['components', componentsOf(components, isProtected)],
	]);
}

interface Around {
	readonly parts: DocumentParts;
	readonly components: Components;
}

function componentsOf(components: Components, isProtected: boolean): ExactObject {
	const schemas = new Map([...components].sort(([a], [b]) => (a < b ? -1 : 1)));
	const scheme = exactOf({ HTTPBearer: { type: 'http', scheme: 'bearer' } });
	return new Map<string, ExactJson>([
		['schemas', schemas],
		...(isProtected ? [['securitySchemes', scheme] as const] : []),
	]);
}

function operationOf({ definition }: DocumentedTool, names: ToolNames, around: Around): ExactObject {
	const { parts, components } = around;
	const description = definition.get('description');
	const takesArguments = argumentsInto(definition, names, around);
	const body = { content: { [JSON_BODY]: { schema: ref(names.formKey) } }, required: true };
	const answer = answerSchema(definition, names, { parts, components, takesArguments });
	const fault = { description: 'Validation Error', content: { [JSON_BODY]: { schema: ref('HTTPValidationError') } } };
	const operation = {
		summary: names.summary,
		...(typeof description === 'string' && description !== '' && { description }),
		operationId: names.operationId,
		...(takesArguments && { requestBody: body }),
		responses: {
			200: { description: 'Successful Response', content: { [JSON_BODY]: { schema: answer } } },
			...(takesArguments && { 422: fault }),
		},
		...(parts.isProtected && { security: SIGNED_IN }),
	};
	return exactOf(operation) as ExactObject;
}

// Whether there are any: a tool without has no body in its document, whatever it is sent.
function argumentsInto(definition: ExactObject, names: ToolNames, { parts, components }: Around): boolean {
	const schema = definition.get('inputSchema');
	const model = shapeOf(schema);
	if (parts.isStrict) {
		if (model.fields.length > 0) strictSchema(model, { key: names.formKey, title: names.formTitle }, components);
		return model.fields.length > 0;
	}
	if (model.fields.length === 0 && !model.isOpen) return false;
	components.set(names.formKey, fullSchema(schema, names.formTitle));
	return true;
}

interface Answering extends Around {
	readonly takesArguments: boolean;
}

function answerSchema(
	definition: ExactObject,
	names: ToolNames,
	{ parts, components, takesArguments }: Answering,
): object {
	const schema = definition.get('outputSchema');
	const title = names.responseTitle;
	if (!isExactObject(schema)) return takesArguments ? { title } : {};
	const key = names.responseKey;
	if (parts.isStrict) strictSchema(shapeOf(schema), { key, title: key }, components);
	else components.set(key, fullSchema(schema, key));
	return { anyOf: [ref(key), {}], title };
}

function faultSchemas(): readonly (readonly [string, ExactJson])[] {
	const steps = { items: { anyOf: [{ type: 'string' }, { type: 'integer' }] }, type: 'array', title: 'Location' };
	const faults = { items: ref('ValidationError'), type: 'array', title: 'Detail' };
	const members = {
		loc: steps,
		msg: { type: 'string', title: 'Message' },
		type: { type: 'string', title: 'Error Type' },
		input: { title: 'Input' },
		ctx: { type: 'object', title: 'Context' },
	};
	return [
		['HTTPValidationError', exactOf({ properties: { detail: faults }, type: 'object', title: 'HTTPValidationError' })],
		[
			'ValidationError',
			exactOf({ properties: members, type: 'object', required: ['loc', 'msg', 'type'], title: 'ValidationError' }),
		],
	];
}
