import { recommendedSignIn } from './endpoint-needs.ts';
import type { Endpoint, ProgramEndpoint, RemoteEndpoint } from './endpoint-schema.ts';
import type { SignIn, Variable } from './field-schema.ts';
import { fillTemplate, namesIn, piecesOf } from './template.ts';

/** An endpoint with its variables in place. Secrets are still references: `${secret:name}`. */
export type FilledEndpoint =
	| {
			readonly transport: 'http' | 'sse';
			readonly url: string;
			readonly headers: Readonly<Record<string, string>>;
			/** Parameters of the address that hold secrets. */
			readonly query: Readonly<Record<string, string>>;
	  }
	| {
			readonly transport: 'stdio';
			readonly args: readonly string[];
			readonly env: Readonly<Record<string, string>>;
	  };

/** What is filled in. */
export interface Filling {
	readonly values: Readonly<Record<string, string>>;
	/** By default the recommended one. */
	readonly signIn?: SignIn;
	/** Names of the optional secrets that are given; what needs another optional one is left out. */
	readonly secrets?: readonly string[];
}

/** What is wrong with a value; `variable` is its name. */
export interface ValueFault {
	readonly variable: string;
	readonly message: string;
}

/** The endpoint with these values in place, or what is wrong with them. */
export function fillEndpoint(
	endpoint: Endpoint,
	{ values, signIn = recommendedSignIn(endpoint), secrets = [] }: Filling,
): { readonly filled: FilledEndpoint } | { readonly faults: readonly ValueFault[] } {
	const variables = endpoint.variables ?? [];
	const faults = [
		...unknownFaults(variables, values),
		...variables.flatMap((each) => faultsOf(each, values)),
		...placeFaults(endpoint, values),
	];
	if (faults.length > 0) return { faults };
	const lookUp = (name: string): string | undefined =>
		own(values, name) ?? variables.find((variable) => variable.name === name)?.default;
	const fill = { lookUp, isGiven: givenSecrets(signIn, secrets) };
	const filled =
		endpoint.transport === 'stdio' ? fillProgram(endpoint, signIn, fill) : fillRemote(endpoint, signIn, fill);
	return { filled };
}

interface Fill {
	lookUp(name: string): string | undefined;
	isGiven(secret: string): boolean;
}

function fillRemote(endpoint: RemoteEndpoint, signIn: SignIn, fill: Fill): FilledEndpoint {
	return {
		transport: endpoint.transport,
		url: fillAddress(endpoint, fill.lookUp),
		headers: fillRecord({ ...endpoint.headers, ...signIn.headers }, fill),
		query: fillRecord(signIn.query ?? {}, fill),
	};
}

function fillProgram(endpoint: ProgramEndpoint, signIn: SignIn, fill: Fill): FilledEndpoint {
	return {
		transport: 'stdio',
		args: endpoint.args.flatMap((argument) => fillTemplate(argument, fill.lookUp) ?? []),
		env: fillRecord({ ...endpoint.env, ...signIn.env }, fill),
	};
}

function fillRecord(templates: Readonly<Record<string, string>>, { lookUp, isGiven }: Fill): Record<string, string> {
	const filled = Object.entries(templates).flatMap(([name, template]) => {
		const value = namesIn([template]).secrets.every(isGiven) ? fillTemplate(template, lookUp) : undefined;
		return value === undefined ? [] : [[name, value] as const];
	});
	return Object.fromEntries(filled);
}

/** A value can never choose another host or leave its part of the address: it is encoded for where it stands. */
function fillAddress({ url, variables = [] }: RemoteEndpoint, lookUp: Fill['lookUp']): string {
	const pieces = [...piecesOf(url)].map((piece) => {
		if ('text' in piece) return piece.text;
		const value = lookUp(piece.variable) ?? '';
		const kind = variables.find(({ name }) => name === piece.variable)?.kind;
		if (kind === 'host') return value;
		return kind === 'path-parts' ? value.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(value);
	});
	return pieces.join('');
}

function givenSecrets({ secrets = [] }: SignIn, given: readonly string[]): (name: string) => boolean {
	return (name) => given.includes(name) || secrets.some((secret) => secret.name === name && secret.required);
}

function unknownFaults(variables: readonly Variable[], values: Filling['values']): readonly ValueFault[] {
	const known = variables.map(({ name }) => name);
	return Object.keys(values)
		.filter((name) => !known.includes(name))
		.map((variable) => ({ variable, message: `is not known here; known: ${known.join(', ') || 'nothing'}` }));
}

function faultsOf(variable: Variable, values: Filling['values']): readonly ValueFault[] {
	const { name, required, choices } = variable;
	const value = own(values, name);
	if (value === undefined) {
		return required && variable.default === undefined ? [{ variable: name, message: 'must be given' }] : [];
	}
	if (choices !== undefined) {
		return choices.includes(value) ? [] : [{ variable: name, message: `must be one of ${choices.join(', ')}` }];
	}
	const message = textFault(value) ?? KIND_FAULTS[variable.kind](value);
	return message === undefined ? [] : [{ variable: name, message }];
}

const textFault = (value: string): string | undefined =>
	value.trim() === '' || /[\x00-\x1f\x7f]/.test(value) ? 'must be text on one line' : undefined;

/** Plain text within an address must stay the one label of a host, or the one part of a path, that it stands for. */
function placeFaults(endpoint: Endpoint, values: Filling['values']): readonly ValueFault[] {
	if (endpoint.transport === 'stdio') return [];
	const [, host = '', path = ''] = /^https?:\/\/([^/]*)(.*)$/.exec(endpoint.url) ?? [];
	return (endpoint.variables ?? []).flatMap(({ name, kind }) => {
		const value = own(values, name);
		if (value === undefined || kind !== 'text') return [];
		const isLabel = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i.test(value);
		if (host.includes(`{${name}}`) && !isLabel)
			return [{ variable: name, message: 'must be letters, digits and hyphens' }];
		const leaves = path.includes(`{${name}}`) && /^\.{1,2}$/.test(value);
		return leaves ? [{ variable: name, message: 'must be a name' }] : [];
	});
}

const PART = /^[A-Za-z0-9_~-][A-Za-z0-9._~@ -]*$/;
const HOST = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?$/i;

const KIND_FAULTS: Readonly<Record<Variable['kind'], (value: string) => string | undefined>> = {
	// Plain text may stand in a header, an argument or a part of an address; only what could end one of them is refused.
	text: (value) =>
		value.startsWith('-') || /[${}]/.test(value) ? 'must not begin with - or hold $, { or }' : undefined,
	host: (value) =>
		HOST.test(value) && !value.includes('..') ? undefined : 'must be a host name, with a port where needed',
	'path-parts': (value) =>
		value.split('/').every((part) => PART.test(part)) ? undefined : 'must be parts of an address with / between',
	url: (value) =>
		isPlainUrl(value) ? undefined : 'must be an http or https address without a name, a password or a query',
	file: (value) => (isPath(value) ? undefined : 'must be an absolute path'),
	folder: (value) => (isPath(value) ? undefined : 'must be an absolute path'),
};

function isPlainUrl(value: string): boolean {
	const url = URL.canParse(value) ? new URL(value) : undefined;
	return url !== undefined && /^https?:$/.test(url.protocol) && !/[@?#${}\s]/.test(value);
}

const isPath = (value: string): boolean =>
	/^(\/|[A-Za-z]:[\\/])/.test(value) && !/[${}]/.test(value) && !value.split(/[\\/]/).includes('..');

function own(values: Filling['values'], name: string): string | undefined {
	return Object.hasOwn(values, name) ? values[name] : undefined;
}
