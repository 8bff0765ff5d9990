/** How the fixture writes one tool down. Runs under plain node. */

/** A field no client knows: it must survive every hop. */
export const VENDOR = { origin: 'fixture', nested: [1, null, true] };

export const TEXT = { type: 'string' };
export const COUNT = { type: 'integer', minimum: 0 };
const READ = { readOnlyHint: true };
export const WRITE = { readOnlyHint: false };

/**
 * @param {string} name
 * @param {{ about: string, properties?: object, required?: string[], annotations?: object, [key: string]: unknown }} facts
 */
export function tool(
	name,
	{ about, properties = {}, required = Object.keys(properties), annotations = READ, ...rest },
) {
	const inputSchema = { type: 'object', properties, required };
	return { name, description: about, inputSchema, annotations, ...rest, 'x-vendor': VENDOR };
}
