import type { Visitor } from '../edge/visitor.ts';
import { writeExact } from '../lib/json-exact.ts';
import type { Address } from '../mcp/address.ts';
import { describePlace } from './describe-place.ts';
import { openApiDocument } from './document.ts';
import { faultOfRpc } from './fault-body.ts';
import { modeOf } from './mode-of.ts';
import { pathBelow } from './path-below.ts';
import { readTools, toolsUnknown } from './read-tools.ts';
import type { OpenApiParts } from './visit.ts';

/**
 * The document of an address: of the tools that its list has for this caller, and no others. Throws PC_TOOLS_UNKNOWN
 * where it would be empty because nobody could be asked: Open WebUI keeps what it is given for good.
 */
export async function showDocument(parts: OpenApiParts, visitor: Visitor, address: Address) {
	const read = await readTools(parts, visitor, { address, index: 0 });
	if ('error' in read) return faultOfRpc(read.error);
	const { tools, unavailable } = read;
	if (tools.length === 0 && unavailable.length > 0) throw toolsUnknown();
	const about = await describePlace(parts, visitor.snapshots.current(), { ...read, address });
	const { isStrict } = modeOf(visitor.snapshots.current(), address.kind === 'all' ? undefined : address.workspace);
	const { pathBelow: pathOf = pathBelow, isProtected = true } = parts.showing ?? {};
	const document = openApiDocument({ ...about, path: pathOf(address), tools, isProtected, isStrict });
	return { status: 200, body: writeExact(document) };
}
