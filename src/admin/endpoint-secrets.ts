import type { JsonObject } from '../config/declared.ts';
import { HIDDEN, maskQuery } from '../config/print-config.ts';
import { escapePlainText, readPlainText } from '../config/secret-template.ts';
import { looksSecret } from '../config/text-rules.ts';
import { type InputFault, inputInvalid } from './input-invalid.ts';

/** Members of an endpoint that hold values by name. */
const NAMED = ['headers', 'env'] as const;

type Values = Readonly<Record<string, string>>;

/** An endpoint to be shown: references as they are written, values written out under a name that looks secret hidden. */
export function hideSecrets(endpoint: JsonObject): JsonObject {
	const named = NAMED.filter((member) => endpoint[member] !== undefined);
	return {
		...endpoint,
		...(typeof endpoint['url'] === 'string' && { url: hideInUrl(endpoint['url']) }),
		...Object.fromEntries(named.map((member) => [member, hideValues(endpoint[member] as Values)])),
	};
}

function hideValues(values: Values): Values {
	const shown = Object.entries(values).map(([name, value]) => {
		return [name, looksSecret(name) && readPlainText(value) !== undefined ? HIDDEN : value];
	});
	return Object.fromEntries(shown);
}

function hideInUrl(url: string): string {
	const plain = readPlainText(url) ?? url;
	const masked = maskQuery(plain);
	return masked === plain ? url : escapePlainText(masked);
}

/**
 * A body in which everything that was shown hidden is again what it stands for: the stored value of the same place.
 * Throws PC_INPUT_INVALID where there is none.
 */
export function keepSecrets(body: JsonObject, stored: JsonObject = {}): JsonObject {
	const kept = [...NAMED.map((member) => keepValues(member, body, stored)), keepUrl(body, stored)];
	const faults = kept.flatMap((each) => each.faults);
	if (faults.length > 0) throw inputInvalid(faults);
	return Object.assign({}, body, ...kept.map(({ members }) => members));
}

interface Kept {
	readonly members: JsonObject;
	readonly faults: readonly InputFault[];
}

const NOTHING: Kept = Object.freeze({ members: {}, faults: [] });

function keepValues(member: (typeof NAMED)[number], body: JsonObject, stored: JsonObject): Kept {
	const sent = (body[member] ?? undefined) as Values | undefined;
	if (sent === undefined) return NOTHING;
	const known = new Map(Object.entries((stored[member] ?? {}) as Values));
	const values = Object.entries(sent).map(([name, value]) => {
		return [name, value === HIDDEN ? known.get(name) : value] as const;
	});
	return {
		members: { [member]: Object.fromEntries(values) },
		faults: values
			.filter(([, value]) => value === undefined)
			.map(([name]) => ({ path: `body.${member}.${name}`, message: 'there is no value to keep; send one' })),
	};
}

// A key goes with its address: nobody sends it unseen to another.
function keepUrl({ url }: JsonObject, stored: JsonObject): Kept {
	if (typeof url !== 'string') return NOTHING;
	const known = stored['url'];
	if (typeof known === 'string' && url === hideInUrl(known)) return { members: { url: known }, faults: [] };
	const hides = URL.canParse(url) && [...new URL(url).searchParams.values()].includes(HIDDEN);
	const message = 'write out what is hidden, or send the address exactly as it was shown';
	return hides ? { members: {}, faults: [{ path: 'body.url', message }] } : NOTHING;
}
