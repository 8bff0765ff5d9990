import { hash } from 'node:crypto';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { canonicalJson } from '../lib/json-canonical.ts';
import { editObject, elementsOf, memberOf, objectText, sliceOf } from '../lib/json-text.ts';
import { asObject, type JsonObject } from '../mcp/call.ts';
import { LISTS, type ListKind } from '../mcp/methods.ts';
import { type ParamHeader, paramHeadersOf } from '../mcp/modern/param-headers.ts';
import type { CatalogItem } from '../router/catalog.ts';
import { fittingDefinition } from './fitting-definition.ts';
import { modernHeaders, modernMeta } from './open-session.ts';
import type { Session } from './session-entries.ts';
import type { Stamp } from './stamp.ts';

const MAX_PAGES = 200;
const MAX_ITEMS = 20_000;

/** One reading of a whole list, all pages. */
export interface ListReading {
	readonly session: Session;
	readonly kind: ListKind;
	readonly profile: string;
	readonly stamp: Stamp;
}

/** Reads all pages of a list. A server without that capability has an empty list. */
export async function readList(reading: ListReading): Promise<readonly CatalogItem[]> {
	const items = new Map<string, CatalogItem>();
	const cursors = new Set<string>();
	let cursor: string | undefined;
	for (let page = 0; page < MAX_PAGES; page++) {
		const answer = await reading.session.request(pageRequest(reading, cursor));
		const result = asObject(answer.value['result']);
		if (result === undefined) return emptyOrThrow(asObject(answer.value['error']), items);
		// The first of two items with one name stands: a later one must not take its place unseen.
		for (const item of itemsOf(answer.text, result, reading.kind))
			if (!items.has(item.name)) items.set(item.name, item);
		const next = result['nextCursor'];
		if (typeof next !== 'string' || cursors.has(next) || items.size > MAX_ITEMS) break;
		cursors.add(next);
		cursor = next;
	}
	return [...items.values()];
}

const METHOD_NOT_FOUND = -32601;

function emptyOrThrow(error: JsonObject | undefined, items: ReadonlyMap<string, CatalogItem>): readonly CatalogItem[] {
	if (error?.['code'] === METHOD_NOT_FOUND) return [...items.values()];
	throw new PortcullisError('PC_UPSTREAM_FAILED', { detail: `list refused with ${String(error?.['code'])}` });
}

function pageRequest({ session, kind, profile, stamp }: ListReading, cursor: string | undefined) {
	const modern = session.info.era === 'modern';
	const { method } = LISTS[kind];
	const params = objectText({
		...(cursor !== undefined && { cursor: JSON.stringify(cursor) }),
		...(modern && { _meta: objectText(modernMeta(profile)) }),
	});
	return { method, paramsFor: () => params, headers: modern ? modernHeaders(method) : {}, stamp, signal: undefined };
}

function itemsOf(text: string, result: JsonObject, kind: ListKind): readonly CatalogItem[] {
	const { member } = LISTS[kind];
	const values = result[member];
	const resultSpan = memberOf(text, 'result');
	const array = resultSpan && memberOf(text, member, resultSpan.start);
	if (!Array.isArray(values) || array === undefined) return [];
	const spans = elementsOf(text, array.start);
	return values.flatMap((value, index) => {
		const item = itemOf(asObject(value), kind, sliceOf(text, spans[index] ?? { start: 0, end: 0 }));
		return item === undefined ? [] : [item];
	});
}

const NAMED_BY: Readonly<Record<ListKind, string>> = {
	tools: 'name',
	prompts: 'name',
	resources: 'uri',
	templates: 'uriTemplate',
};

function itemOf(value: JsonObject | undefined, kind: ListKind, text: string): CatalogItem | undefined {
	const name = value?.[NAMED_BY[kind]];
	const paramHeaders = kind === 'tools' ? paramHeadersOf(value?.['inputSchema']) : NO_HEADERS;
	if (typeof name !== 'string' || name === '' || paramHeaders === undefined) return undefined;
	const readOnly = asObject(value?.['annotations'])?.['readOnlyHint'] === true;
	if (kind !== 'tools') return { name, text, readOnly, digest: undefined, paramHeaders };
	const fitting = fittingDefinition(value as JsonObject, text);
	// Of what the server says, not of what we make of it.
	return fitting === undefined ? undefined : { name, text: fitting, readOnly, digest: digestOf(text), paramHeaders };
}

// However the server spells it, and however often it is read.
function digestOf(text: string): string {
	return hash('sha256', canonicalJson(text), 'hex');
}

const NO_HEADERS: readonly ParamHeader[] = [];

/** The member of a definition that names it, for rewriting. */
export function namedBy(kind: ListKind): string {
	return NAMED_BY[kind];
}

/** A definition under another name; every other byte stays. */
export function renamed(item: CatalogItem, kind: ListKind, name: string): string {
	return name === item.name ? item.text : editObject(item.text, { [NAMED_BY[kind]]: JSON.stringify(name) });
}
