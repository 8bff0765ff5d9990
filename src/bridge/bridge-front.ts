import type { Plane } from '../edge/public-handler.ts';
import { ERRORS } from '../errors/table.ts';
import type { Log } from '../observe/log.ts';
import { type BridgeLayout, type BridgeTarget, findBridgeTarget } from './bridge-address.ts';
import { judgeKey, type KeyRefusal, type KeyRule } from './bridge-key.ts';
import { isOwnHost, judgeOrigin, type NameRule, preflightHeaders } from './bridge-names.ts';
import { type BridgeAbout, rootDocument } from './root-document.ts';

/** What a bridge is told of how it shows itself. */
export interface FrontSettings {
	readonly key: KeyRule;
	readonly names: NameRule;
	readonly layout: BridgeLayout;
	readonly about: BridgeAbout;
}

/** What the front works with. */
export interface FrontParts {
	readonly settings: FrontSettings;
	/** Slugs of the servers of the moment, by the names that the file gives them. */
	slugs(): ReadonlyMap<string, string>;
	readonly log: Log;
}

/** What answers behind the front. */
export interface FrontPlanes {
	readonly data: Plane;
	readonly openApi: Plane;
}

type Request = Parameters<Plane['handle']>[0];
type Response = Parameters<Plane['handle']>[1];

/** A request with its answer, and what it comes to. */
interface Visit {
	readonly request: Request;
	readonly response: Response;
}

/**
 * The handler of a bridge's listener: addresses, keys and pages as with mcpo. What passes goes on as a request to the gateway's
 * own addresses, with none of the caller's names in it.
 */
export function createBridgeFront(parts: FrontParts, planes: FrontPlanes): Plane['handle'] {
	return (request, response) => {
		const visit = { request, response };
		const refused = refuseByName(parts, visit);
		if (refused !== undefined) return send(visit, refused);
		if (isPreflight(request)) {
			return void response.writeHead(204, preflightHeaders(request.headers['access-control-request-headers'])).end();
		}
		const asked = { method: request.method ?? '', target: request.url ?? '' };
		const target = findBridgeTarget(asked, parts.settings.layout, parts.slugs());
		const stranger = refuseByKey(parts, visit, target);
		if (stranger !== undefined) return send(visit, stranger);
		if (target === undefined) return send(visit, { status: 404, detail: 'Not Found' });
		if (target.kind === 'root') return sendRoot(parts, visit);
		adopt(request, target.target);
		return planes[target.kind === 'mcp' ? 'data' : 'openApi'].handle(request, response);
	};
}

const isPreflight = ({ method, headers }: Request): boolean =>
	method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined;

type Refused = Omit<KeyRefusal, 'status'> & { readonly status: number };

function refuseByName({ settings }: FrontParts, { request, response }: Visit): Refused | undefined {
	const { host, origin } = request.headers;
	if (!isOwnHost(host, settings.names)) return { status: 403, detail: ERRORS.PC_HOST_REFUSED.sentence };
	const { isAllowed, headers } = judgeOrigin(origin, host, settings.names);
	for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
	return isAllowed ? undefined : { status: 403, detail: ERRORS.PC_ORIGIN_REFUSED.sentence };
}

// Where there is nothing, everybody is told so; being strict, mcpo tells nobody anything before they have shown the key.
function refuseByKey({ settings, log }: FrontParts, { request }: Visit, target: BridgeTarget | undefined) {
	const isOpen = target === undefined || target.kind === 'root' || target.isOpen;
	if (request.method === 'OPTIONS' || (isOpen && !settings.key.isStrict)) return undefined;
	const refusal = judgeKey(request.rawHeaders, settings.key);
	if (refusal !== undefined) log.info({ status: refusal.status, from: request.socket.remoteAddress }, 'key refused');
	return refusal;
}

function sendRoot({ settings, slugs }: FrontParts, visit: Visit): void {
	sendText(visit, 200, JSON.stringify(rootDocument(settings.about, settings.layout, slugs().keys())));
}

function send(visit: Visit, { status, detail, challenge }: Refused): void {
	if (challenge !== undefined) visit.response.setHeader('www-authenticate', challenge);
	sendText(visit, status, JSON.stringify({ detail }));
}

function sendText({ response }: Visit, status: number, text: string): void {
	const length = String(Buffer.byteLength(text));
	response.writeHead(status, { 'content-type': 'application/json', 'content-length': length }).end(text);
}

const OWN_NAME = 'localhost';

// Names have been judged by now, by other rules than the gateway's; behind the front there is this one.
function adopt(request: Request, target: string): void {
	request.url = target;
	const { rawHeaders, headers } = request;
	const nameAt = (index: number): string => (rawHeaders[index - (index % 2)] as string).toLowerCase();
	request.rawHeaders = rawHeaders
		.map((text, index) => (index % 2 === 1 && nameAt(index) === 'host' ? OWN_NAME : text))
		.filter((_, index) => nameAt(index) !== 'origin');
	headers.host = OWN_NAME;
	delete headers.origin;
}
