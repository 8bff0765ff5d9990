import {
	type ExactJson,
	type ExactObject,
	isExactList,
	isExactNumber,
	isExactObject,
	numberText,
	writeExact,
} from '../lib/json-exact.ts';
import type { Field, Model, Shape } from './shape.ts';

/** Where in a request something is wrong. */
export type Place = readonly (string | number)[];

/** One thing that is wrong with arguments, as pydantic words it: what callers of mcpo are used to read. */
export interface ArgumentFault {
	readonly type: string;
	readonly loc: Place;
	readonly msg: string;
	/** What was given there. */
	readonly input: ExactJson;
}

/** Arguments as the server gets them, or everything that is wrong with them. */
export type CheckedArguments = { readonly text: string } | { readonly faults: readonly ArgumentFault[] };

/** How arguments are treated where mcpo and the better way differ. */
export interface CheckMode {
	/** mcpo drops what a tool does not name, even where the tool says that it takes anything. */
	readonly isStrict: boolean;
	/** Whether a text or a truth value is taken for the number, and a text for the truth value, that it spells. */
	readonly coerces: boolean;
}

/**
 * Holds the arguments of a call to the tool's shape as mcpo does: what is missing or of another type is told, each by
 * itself; `"7"` becomes 7 where a number is wanted; defaults are filled in; nulls and members nobody named are left out.
 */
export function checkArguments(given: ExactJson, model: Model, mode: CheckMode): CheckedArguments {
	const faults: ArgumentFault[] = [];
	const value = fitModel(given, model, { loc: ['body'], faults, mode });
	return faults.length > 0 || value === undefined ? { faults } : { text: writeExact(value) };
}

interface Fitting {
	readonly loc: Place;
	readonly faults: ArgumentFault[];
	readonly mode: CheckMode;
}

type Fitted = ExactJson | undefined;

function refuse(input: ExactJson, [type, msg]: readonly [string, string], { loc, faults }: Fitting): undefined {
	faults.push({ type, loc, msg, input });
	return undefined;
}

const within = (fitting: Fitting, step: string | number): Fitting => ({ ...fitting, loc: [...fitting.loc, step] });

const NOT_AN_OBJECT = [
	'model_attributes_type',
	'Input should be a valid dictionary or object to extract fields from',
] as const;

function fitModel(given: ExactJson, model: Model, fitting: Fitting): Fitted {
	if (!isExactObject(given)) return refuse(given, NOT_AN_OBJECT, fitting);
	const fitted = new Map<string, ExactJson>();
	for (const field of model.fields) {
		const value = fitField(given, field, fitting);
		// mcpo sends no nulls of its own level, so that servers see a member that was left out.
		if (value !== undefined && value !== null) fitted.set(field.name, value);
	}
	if (model.isOpen && !fitting.mode.isStrict) addOthers(fitted, given, model);
	return fitted;
}

function addOthers(fitted: Map<string, ExactJson>, given: ExactObject, { fields }: Model): void {
	const named = new Set(fields.map(({ name }) => name));
	for (const [name, value] of given) if (!named.has(name)) fitted.set(name, value);
}

function fitField(given: ExactObject, { name, shape, isRequired, fallback }: Field, fitting: Fitting): Fitted {
	const value = given.get(name);
	if (value !== undefined) return fitShape(value, shape, within(fitting, name));
	if (isRequired) return refuse(given, ['missing', 'Field required'], within(fitting, name));
	return fallback;
}

function fitShape(given: ExactJson, shape: Shape, fitting: Fitting): Fitted {
	switch (shape.kind) {
		case 'any':
			return given;
		case 'string':
			return typeof given === 'string'
				? given
				: refuse(given, ['string_type', 'Input should be a valid string'], fitting);
		case 'integer':
			return isOtherType(given, fitting) ? refuse(given, ['int_type', INTEGER], fitting) : fitInteger(given, fitting);
		case 'number':
			return isOtherType(given, fitting) ? refuse(given, ['float_type', NUMBER], fitting) : fitNumber(given, fitting);
		case 'boolean':
			return fitBoolean(given, fitting);
		case 'null':
			return given === null ? null : refuse(given, ['none_required', 'Input should be None'], fitting);
		case 'bag':
			return isExactObject(given) ? given : refuse(given, ['dict_type', 'Input should be a valid dictionary'], fitting);
		case 'list':
			return fitList(given, shape.item, fitting);
		case 'union':
			return fitUnion(given, shape.of, fitting);
		case 'model':
			return fitModel(given, shape, fitting);
	}
}

// Where nothing is turned into a number, a text and a truth value are none.
function isOtherType(given: ExactJson, { mode }: Fitting): boolean {
	return !mode.coerces && (typeof given === 'string' || typeof given === 'boolean');
}

const INTEGER = 'Input should be a valid integer';

function fitInteger(given: ExactJson, fitting: Fitting): Fitted {
	if (typeof given === 'boolean') return given ? 1 : 0;
	if (typeof given === 'string') {
		const whole = wholeText(given.trim().replaceAll('_', ''));
		return whole ?? refuse(given, ['int_parsing', `${INTEGER}, unable to parse string as an integer`], fitting);
	}
	const text = numberText(given);
	if (text === undefined) return refuse(given, ['int_type', INTEGER], fitting);
	return (
		wholeText(text) ?? refuse(given, ['int_from_float', `${INTEGER}, got a number with a fractional part`], fitting)
	);
}

/** The whole number that a text spells, however large: `7`, `7.0`, `+7`. */
function wholeText(text: string): ExactJson | undefined {
	const [, sign = '', digits] = /^([+-]?)(\d+)(?:\.0*)?$/.exec(text) ?? [];
	if (digits !== undefined) return exactNumber(`${sign === '-' ? '-' : ''}${digits.replace(/^0+(?=\d)/, '')}`);
	const value = /^[+-]?\d+(?:\.\d+)?[eE][+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
	return Number.isSafeInteger(value) ? value : undefined;
}

function exactNumber(text: string): ExactJson {
	return String(Number(text)) === text ? Number(text) : { exact: text };
}

const NUMBER = 'Input should be a valid number';
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

function fitNumber(given: ExactJson, fitting: Fitting): Fitted {
	if (typeof given === 'number' || isExactNumber(given)) return given;
	if (typeof given === 'boolean') return given ? 1 : 0;
	if (typeof given !== 'string') return refuse(given, ['float_type', NUMBER], fitting);
	const text = given.trim().replaceAll('_', '');
	const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
	if (Number.isFinite(value)) return value;
	return refuse(given, ['float_parsing', `${NUMBER}, unable to parse string as a number`], fitting);
}

const BOOLEAN = 'Input should be a valid boolean';
const TRUTHS: ReadonlyMap<string, boolean> = new Map([
	...['1', 'on', 't', 'true', 'y', 'yes'].map((word) => [word, true] as const),
	...['0', 'off', 'f', 'false', 'n', 'no'].map((word) => [word, false] as const),
]);

function fitBoolean(given: ExactJson, fitting: Fitting): Fitted {
	if (typeof given === 'boolean') return given;
	if (!fitting.mode.coerces) return refuse(given, ['bool_type', BOOLEAN], fitting);
	const word = typeof given === 'string' ? given.toLowerCase() : numberText(given)?.replace(/\.0+$/, '');
	if (word === undefined) return refuse(given, ['bool_type', BOOLEAN], fitting);
	const truth = TRUTHS.get(word);
	return truth ?? refuse(given, ['bool_parsing', `${BOOLEAN}, unable to interpret input`], fitting);
}

function fitList(given: ExactJson, item: Shape, fitting: Fitting): Fitted {
	if (!isExactList(given)) return refuse(given, ['list_type', 'Input should be a valid list'], fitting);
	return given.flatMap((each, index) => fitShape(each, item, within(fitting, index)) ?? (each === null ? [null] : []));
}

/** How pydantic names the alternatives of a union in a place. */
const ALTERNATIVES: Readonly<Record<Shape['kind'], string>> = {
	...{ any: 'any', string: 'str', integer: 'int', number: 'float', boolean: 'bool', null: 'none' },
	...{ bag: 'dict[str,any]', list: 'list', union: 'union', model: 'model' },
};

// What fits as it is comes before what has to be turned into something else (pydantic: smart mode).
function fitUnion(given: ExactJson, of: readonly Shape[], fitting: Fitting): Fitted {
	const exact = of.find((shape) => fitsAsItIs(given, shape));
	if (exact !== undefined) return fitShape(given, exact, fitting);
	const told: ArgumentFault[] = [];
	for (const shape of of) {
		const faults: ArgumentFault[] = [];
		const value = fitShape(given, shape, { ...within(fitting, ALTERNATIVES[shape.kind]), faults });
		if (faults.length === 0) return value;
		told.push(...faults);
	}
	fitting.faults.push(...told);
	return undefined;
}

function fitsAsItIs(given: ExactJson, shape: Shape): boolean {
	if (given === null) return shape.kind === 'null' || shape.kind === 'any';
	if (typeof given === 'string') return shape.kind === 'string';
	if (typeof given === 'boolean') return shape.kind === 'boolean';
	const text = numberText(given);
	if (text !== undefined) return shape.kind === (/^-?\d+$/.test(text) ? 'integer' : 'number');
	return isExactList(given) ? shape.kind === 'list' : shape.kind === 'model' || shape.kind === 'bag';
}
