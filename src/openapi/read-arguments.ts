import { readBody } from '../edge/read-body.ts';
import { headersOf, type Visitor } from '../edge/visitor.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { type ExactJson, parseExact, writeExact } from '../lib/json-exact.ts';
import { findJsonFault } from '../lib/json-strict.ts';
import { type ArgumentFault, type CheckMode, checkArguments } from './check-arguments.ts';
import { jsonFaultAt } from './json-fault-at.ts';
import type { Model } from './shape.ts';
import { hasBody } from './visit.ts';

/** Arguments that a tool cannot take; `body` is what the caller is told, JSON text. */
export class ArgumentsRefused extends PortcullisError {
	readonly body: string;

	constructor(faults: readonly (ArgumentFault & { readonly ctx?: object })[]) {
		super('PC_ARGUMENTS_INVALID', { detail: faults.map(({ type }) => type).join(', ') });
		const items = faults.map(({ type, loc, msg, input, ctx }) => {
			const context = ctx === undefined ? '' : `,"ctx":${JSON.stringify(ctx)}`;
			const head = JSON.stringify({ type, loc, msg }).slice(0, -1);
			return `${head},"input":${writeExact(input)}${context}}`;
		});
		this.body = `{"detail":[${items.join(',')}]}`;
	}
}

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

/**
 * The arguments of a call as JSON text, made of the body as mcpo would. Throws `ArgumentsRefused`, PC_BODY_TOO_LARGE,
 * PC_JSON_TOO_COMPLEX, PC_CALL_CANCELLED.
 */
export async function readArguments(visitor: Visitor, model: Model, mode: CheckMode): Promise<string> {
	const text = await bodyText(visitor);
	// A tool that takes nothing takes any body.
	if (model.fields.length === 0 && (mode.isStrict || !model.isOpen)) return '{}';
	const body = text.trim() === '' ? null : parseBody(visitor, text);
	if (body === null)
		throw new ArgumentsRefused([{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }]);
	const checked = checkArguments(body, model, mode);
	if ('faults' in checked) throw new ArgumentsRefused(checked.faults);
	return checked.text;
}

async function bodyText(visitor: Visitor): Promise<string> {
	const { limits } = visitor.snapshots.current();
	const { contentLength, contentEncoding } = headersOf(visitor);
	if (contentEncoding !== undefined && contentEncoding !== 'identity') throw new PortcullisError('PC_MEDIA_TYPE');
	if (Number(contentLength ?? 0) > limits.bodyBytes) throw new PortcullisError('PC_BODY_TOO_LARGE');
	return hasBody(visitor.request) ? readBody(visitor.request, limits.bodyBytes) : '';
}

function parseBody(visitor: Visitor, text: string): ExactJson {
	const { contentType } = headersOf(visitor);
	if (contentType !== undefined && contentType !== '' && !JSON_TYPE.test(contentType)) return text;
	try {
		JSON.parse(text);
	} catch {
		throw brokenJson(text);
	}
	const { jsonDepth, jsonNodes } = visitor.snapshots.current().limits;
	const fault = findJsonFault(text, { depth: jsonDepth, nodes: jsonNodes });
	if (fault !== undefined) throw new PortcullisError(fault === 'ambiguous' ? 'PC_JSON_AMBIGUOUS' : 'PC_JSON_TOO_DEEP');
	return parseExact(text);
}

function brokenJson(text: string): ArgumentsRefused {
	const { at, error } = jsonFaultAt(text) ?? { at: 0, error: 'Expecting value' };
	const fault = { type: 'json_invalid', loc: ['body', at], msg: 'JSON decode error', input: new Map() };
	return new ArgumentsRefused([{ ...fault, ctx: { error } }]);
}
