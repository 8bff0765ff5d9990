import { checkNames } from '../edge/check-headers.ts';
import { presentedBy } from '../edge/presented.ts';
import { collapse } from '../edge/send-answer.ts';
import { headersOf, refuseWhenClosed, type Visitor } from '../edge/visitor.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Exchange } from '../exchange.ts';
import type { Principal } from '../identity/principal.ts';
import { createCancel } from '../lib/cancel.ts';
import { memberOf, sliceOf } from '../lib/json-text.ts';
import type { Address } from '../mcp/address.ts';
import type { Call } from '../mcp/call.ts';
import { handleCall, type Stages } from '../pipeline.ts';
import type { Upstreams } from '../upstream/upstreams.ts';
import type { ViewerFile } from './viewer.ts';

/** What the facade works with. */
export interface OpenApiParts extends Pick<Upstreams, 'infoOf'> {
	readonly stages: Stages;
	isDraining(): boolean;
	isStale(): boolean;
	/** How it shows itself where that is not the gateway's own way. */
	readonly showing?: Showing | undefined;
}

/** What of documents and pages depends on who serves them. */
export interface Showing {
	/** Path of an address as callers see it; empty at the root of its host. */
	pathBelow(address: Address): string;
	/** Whether callers have to show something. */
	readonly isProtected: boolean;
	readonly page: ViewerFile;
}

/** One call that a request comes to: where it goes and how it is made once it is known who asks. */
export interface Errand {
	readonly address: Address;
	/** Which of the calls of this request, from 0. */
	readonly index: number;
	readCall(principal: Principal): Call | Promise<Call>;
}

/** How a call ended: with a result or with a server's error, both JSON text. */
export type CallEnd = { readonly result: string } | { readonly error: string };

/** Takes a call through the pipeline, like one of any client. Throws or rejects with what the pipeline refuses. */
export async function carryOut(parts: OpenApiParts, visitor: Visitor, errand: Errand): Promise<CallEnd> {
	const patience = createPatience(visitor);
	try {
		const exchange = exchangeFor(parts, visitor, { ...errand, disconnected: () => patience.signal });
		return endIn(await collapse(await handleCall(parts.stages, exchange)));
	} finally {
		patience.stop();
	}
}

function endIn(text: string | undefined): CallEnd {
	if (text === undefined) throw new PortcullisError('PC_UPSTREAM_FAILED', { detail: 'no final message' });
	const [result, error] = [memberOf(text, 'result'), memberOf(text, 'error')];
	if (result !== undefined) return { result: sliceOf(text, result) };
	if (error !== undefined) return { error: sliceOf(text, error) };
	throw new PortcullisError('PC_UPSTREAM_INVALID', { detail: 'neither result nor error' });
}

type OpenErrand = Errand & Pick<Exchange, 'disconnected'>;

function exchangeFor(parts: OpenApiParts, visitor: Visitor, errand: OpenErrand): Exchange {
	const { requestId, request, snapshots } = visitor;
	const { address, index, readCall, disconnected } = errand;
	return {
		requestId: index === 0 ? requestId : `${requestId}.${index}`,
		facade: 'openapi',
		presented: presentedBy(request),
		acceptsStream: false,
		endsWithConnection: true,
		admit() {
			refuseWhenClosed(parts);
			checkNames(headersOf(visitor), snapshots.current().names);
			return address;
		},
		readCall: async (principal) => readCall(principal),
		disconnected,
	};
}

// Open WebUI waits 300 s and then says nothing of why: what takes longer is given up before, with a sentence.
function createPatience({ response, snapshots }: Visitor) {
	const { signal, abort } = createCancel();
	const onLate = (): void => abort(new PortcullisError('PC_UPSTREAM_TIMEOUT', { detail: 'openApiCallMs' }));
	const onGone = (): void => abort(undefined);
	const timer = setTimeout(onLate, snapshots.current().limits.openApiCallMs);
	if (response.destroyed) onGone();
	else response.once('close', onGone);
	return {
		signal,
		stop() {
			clearTimeout(timer);
			response.off('close', onGone);
		},
	};
}

/** Whether a request has a body, however it is framed (RFC 9112 §6.3). */
export function hasBody({ headers }: Visitor['request']): boolean {
	return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
