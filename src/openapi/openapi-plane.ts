import type { SnapshotSource } from '../config/snapshot.ts';
import { linger } from '../edge/linger.ts';
import { originMetadataUrl } from '../edge/protected-resource.ts';
import { refusalHeaders } from '../edge/refusal.ts';
import { sendBody } from '../edge/send-answer.ts';
import { commonHeaders, receive, type Visitor } from '../edge/visitor.ts';
import { PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import { scopesToAskFor } from '../identity/resource-metadata.ts';
import { acceptBasic } from './accept-basic.ts';
import { type CallParts, callTool, createShapes } from './call-tool.ts';
import { type FaultBody, faultOfError } from './fault-body.ts';
import { listTools } from './list-tools.ts';
import { isOpenApiTarget, type OpenApiTarget, parseOpenApiTarget } from './parse-target.ts';
import { ArgumentsRefused } from './read-arguments.ts';
import { showDocument } from './show-document.ts';
import { createViewerFiles, type KeptFile, VIEWER_HEADERS, VIEWER_PAGE, type ViewerFile } from './viewer.ts';
import type { OpenApiParts } from './visit.ts';

/** The handler of the OpenAPI facade and of `/tools`. */
export interface OpenApiPlane {
	/** Whether a request target is answered here. */
	owns(target: string): boolean;
	/** Answers one request; never rejects. */
	handle(request: Visitor['request'], response: Visitor['response']): Promise<void>;
}

/** What it is made with. */
export interface OpenApiPlaneParts extends OpenApiParts {
	readonly snapshots: SnapshotSource;
}

/** What the facade answers with. */
interface Shown {
	readonly status: number;
	readonly body: string | Buffer;
	readonly headers?: Readonly<Record<string, string>>;
}

interface Parts extends CallParts {
	viewerFile(name: string): KeptFile | undefined;
}

const METHODS: Readonly<Record<OpenApiTarget['kind'], string>> = {
	...{ document: 'GET', docs: 'GET', file: 'GET', tools: 'GET' },
	...{ tool: 'POST', execute: 'POST' },
};

/** Builds the facade: every request becomes calls that take the same way as those of any client. */
export function createOpenApiPlane(given: OpenApiPlaneParts): OpenApiPlane {
	const parts = { ...given, shapeOfTool: createShapes(), viewerFile: createViewerFiles() };
	return {
		owns: isOpenApiTarget,
		async handle(request, response) {
			acceptBasic(request);
			const visitor = receive(parts.snapshots, request, response);
			const { status, body, headers } = await answered(parts, visitor);
			if (response.destroyed) return;
			const common = { ...commonHeaders(visitor), 'cache-control': 'no-store' };
			// A HEAD is answered as its GET would be, without the body (RFC 9110 §9.3.2).
			sendBody({ response, common }, status, headers ?? {}, body);
		},
	};
}

async function answered(parts: Parts, visitor: Visitor): Promise<Shown> {
	try {
		return await answer(parts, visitor, await targetOf(parts, visitor));
	} catch (error) {
		const refused = refuse(visitor, error);
		if (refused.status === 413) await linger(visitor.request);
		return refused;
	}
}

// What is refused before it is a call has a record too.
async function targetOf({ stages }: Parts, { requestId, request }: Visitor): Promise<OpenApiTarget> {
	try {
		return readTarget(request);
	} catch (error) {
		const known = toPortcullisError(error);
		const trail = stages.openTrail(requestId);
		trail.note({ method: request.method ?? '', route: 'openapi' });
		await trail.fail(known);
		throw known;
	}
}

function readTarget({ url, method }: Visitor['request']): OpenApiTarget {
	const target = parseOpenApiTarget(url ?? '');
	if ((method === 'HEAD' ? 'GET' : method) !== METHODS[target.kind]) {
		throw new PortcullisError('PC_METHOD_NOT_ALLOWED', { detail: METHODS[target.kind] });
	}
	return target;
}

async function answer(parts: Parts, visitor: Visitor, target: OpenApiTarget): Promise<Shown> {
	switch (target.kind) {
		case 'document':
			return showDocument(parts, visitor, target.address);
		case 'tools':
			return listTools(parts, visitor);
		case 'tool':
		case 'execute':
			return callTool(parts, visitor, target);
		case 'docs':
			return showPage(parts.showing?.page ?? VIEWER_PAGE);
		case 'file':
			return showFile(parts.viewerFile(target.name), visitor.request.headers['if-none-match']);
	}
}

function showPage({ type, body }: ViewerFile): Shown {
	return { status: 200, body, headers: { 'content-type': type, ...VIEWER_HEADERS } };
}

// The page and its files are the same for everybody and say nothing of what there is. Who has a file asks once a day
// whether it is still the same (RFC 9110 §13.1.2).
function showFile(file: KeptFile | undefined, known: string | undefined): Shown {
	if (file === undefined) throw new PortcullisError('PC_ADDRESS_UNKNOWN');
	const length = String(Buffer.byteLength(file.body));
	const kept = { etag: file.tag, 'cache-control': 'public, max-age=86400', 'content-length': length };
	const tags = (known ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
	if (tags.includes(file.tag)) return { status: 304, body: '', headers: kept };
	return { status: 200, body: file.body, headers: { 'content-type': file.type, ...VIEWER_HEADERS, ...kept } };
}

function refuse(visitor: Visitor, error: unknown): Shown {
	const known = toPortcullisError(error);
	const fault: FaultBody =
		known instanceof ArgumentsRefused ? { status: 422, body: known.body } : faultOfError(known, visitor.requestId);
	const { names, directories } = visitor.snapshots.current();
	const resourceMetadataUrl = originMetadataUrl(visitor.request, names);
	const signIn = { resourceMetadataUrl, scopes: scopesToAskFor(directories) };
	const allow = known.code === 'PC_METHOD_NOT_ALLOWED' && { allow: known.facts.detail ?? 'GET, POST' };
	return { ...fault, headers: { ...refusalHeaders(known, fault.status, signIn), ...allow } };
}
