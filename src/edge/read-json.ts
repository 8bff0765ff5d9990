import { PortcullisError } from '../errors/portcullis-error.ts';
import { findJsonFault, type JsonBounds } from '../lib/json-strict.ts';

/** The value of a body that means the same to every parser. Throws PC_JSON_INVALID, _AMBIGUOUS or _TOO_DEEP. */
export function readJson(text: string, bounds: JsonBounds): unknown {
	const value = parse(text);
	const fault = findJsonFault(text, bounds);
	if (fault !== undefined) throw new PortcullisError(fault === 'ambiguous' ? 'PC_JSON_AMBIGUOUS' : 'PC_JSON_TOO_DEEP');
	return value;
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (cause) {
		throw new PortcullisError('PC_JSON_INVALID', {}, { cause });
	}
}
