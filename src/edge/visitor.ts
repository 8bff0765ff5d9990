import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SnapshotSource } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import { scopesToAskFor } from '../identity/resource-metadata.ts';
import type { Address } from '../mcp/address.ts';
import type { Call } from '../mcp/call.ts';
import type { Stages } from '../pipeline.ts';
import { checkNames, type EdgeHeaders, readHeaders } from './check-headers.ts';
import { corsHeaders } from './cors.ts';
import { type Door, parseAddress } from './parse-address.ts';
import { metadataUrl } from './protected-resource.ts';
import { type Refusal, refusalOf } from './refusal.ts';

/** What the data plane works with. */
export interface DataPlaneParts extends Pick<Authenticator, 'renew'> {
	readonly stages: Stages;
	readonly snapshots: SnapshotSource;
	/** Whether the gateway has begun to stop. */
	isDraining(): boolean;
	/** Whether the configuration is too old to judge anybody by. */
	isStale(): boolean;
}

/** Throws PC_SHUTTING_DOWN or PC_CONFIGURATION_STALE where no new call is welcome. */
export function refuseWhenClosed({ isDraining, isStale }: Pick<DataPlaneParts, 'isDraining' | 'isStale'>): void {
	if (isDraining()) throw new PortcullisError('PC_SHUTTING_DOWN');
	if (isStale()) throw new PortcullisError('PC_CONFIGURATION_STALE');
}

/** One HTTP request at an MCP address, its headers read and nothing judged yet. */
export interface Visitor {
	readonly requestId: string;
	readonly request: IncomingMessage;
	readonly response: ServerResponse;
	readonly snapshots: SnapshotSource;
	/** Read before anything else; a fault in them is told when the pipeline asks for the address. */
	readonly headers: HeadersRead;
}

/** Headers, or what is wrong with them. */
export type HeadersRead = { readonly read: EdgeHeaders } | { readonly fault: unknown };

/** Reads headers without throwing. */
export function tryReadHeaders(rawHeaders: readonly string[]): HeadersRead {
	try {
		return { read: readHeaders(rawHeaders) };
	} catch (fault) {
		return { fault };
	}
}

/** Receives a request. */
export function receive(snapshots: SnapshotSource, request: IncomingMessage, response: ServerResponse): Visitor {
	return { requestId: randomUUID(), request, response, snapshots, headers: tryReadHeaders(request.rawHeaders) };
}

/** The headers; throws their fault. */
export function headersOf({ headers }: Visitor): EdgeHeaders {
	if ('fault' in headers) throw headers.fault;
	return headers.read;
}

/** Headers of every answer to this request. */
export function commonHeaders({ requestId, headers, snapshots }: Visitor): Record<string, string> {
	const common: Record<string, string> = { 'x-request-id': requestId };
	const origin = 'read' in headers ? headers.read.origin : undefined;
	return origin === undefined ? common : Object.assign(common, corsHeaders(origin, snapshots.current().names));
}

/** Checks Host and Origin, and finds the address behind this door. */
export function addressFor(visitor: Visitor, door: Door): Address {
	checkNames(headersOf(visitor), visitor.snapshots.current().names);
	return parseAddress(visitor.request.url ?? '', door);
}

/** Renders an error for this caller, about `call` where that is known. */
export function refuseVisitor(visitor: Visitor, error: PortcullisError, call: Call | undefined): Refusal {
	const { names, directories } = visitor.snapshots.current();
	const resourceMetadataUrl = metadataUrl(visitor.request, names);
	return refusalOf(error, {
		requestId: visitor.requestId,
		idText: call?.idText ?? 'null',
		era: call?.era,
		resourceMetadataUrl,
		scopes: scopesToAskFor(directories),
	});
}
