import { HEADER_RULES } from '../config/header-rules.ts';
import type { Transport } from '../config/snapshot.ts';
import { VARIABLE_RULES } from '../config/variable-rules.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { type CallTemplate, isNamed, type Secret } from '../lib/secret.ts';

/** Secrets of one credential, by name. */
export type SecretValues = Readonly<Record<string, Secret>>;

/** What is sent of a credential, with its secrets in place. */
export interface Rendered {
	readonly headers: Readonly<Record<string, string>>;
	readonly env: Readonly<Record<string, string>>;
	/** Address of this call; `undefined`: that of the server. */
	readonly url: string | undefined;
}

const NO_SECRETS: SecretValues = Object.freeze({});

/** Renders what a server's definition says is sent. Throws PC_CREDENTIAL_MISSING where a value is absent or does not fit. */
export function renderCredential(transport: Transport, values: SecretValues = NO_SECRETS): Rendered {
	if (transport.kind === 'stdio') {
		return { headers: {}, env: renderAll(transport.env, values, VARIABLE_RULES.valueFault), url: undefined };
	}
	const { headers } = transport;
	const urlTemplate = transport.kind === 'openapi' ? undefined : transport.urlTemplate;
	return {
		headers: renderAll(headers, values, HEADER_RULES.valueFault),
		env: {},
		url: urlTemplate && renderUrl(urlTemplate, values),
	};
}

type ValueFault = (rendered: string) => string | undefined;

function renderAll(
	templates: ReadonlyMap<string, CallTemplate>,
	values: SecretValues,
	valueFault: ValueFault,
): Record<string, string> {
	const rendered = [...templates].map(([name, template]) => {
		const text = template.map((part) => textOf(part, values)).join('');
		// A value may have come from elsewhere since it was judged.
		if (valueFault(text) !== undefined) throw missing(`${name} cannot hold its value`);
		return [name, text] as const;
	});
	return Object.fromEntries(rendered);
}

function textOf(part: CallTemplate[number], values: SecretValues): string {
	if (typeof part === 'string') return part;
	if (!isNamed(part)) return part.reveal();
	const value = Object.hasOwn(values, part.named) ? values[part.named] : undefined;
	if (value === undefined) throw missing(`it has no value named ${part.named}`);
	return value.reveal();
}

const HOST_PART = /^[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?$/i;

// In the host a value is a name; everywhere behind it nothing of a value is more than text.
function renderUrl(template: CallTemplate, values: SecretValues): string {
	let url = '';
	for (const part of template) {
		const value = textOf(part, values);
		const isInHost = !/^[^/?#]*:\/\/[^/?#]*[/?#]/.test(url);
		if (typeof part === 'string') url += part;
		else if (!isInHost) url += encodeURIComponent(value);
		else if (HOST_PART.test(value)) url += value;
		else throw missing('a value in the host of the address is no name');
	}
	if (!URL.canParse(url)) throw missing('the address cannot be made of its values');
	return url;
}

function missing(detail: string): PortcullisError {
	return new PortcullisError('PC_CREDENTIAL_MISSING', { detail });
}
