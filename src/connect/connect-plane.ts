import type { OpenTrail } from '../audit/trail.ts';
import { checkNames } from '../edge/check-headers.ts';
import { isConnectTarget } from '../edge/connect-target.ts';
import { linger } from '../edge/linger.ts';
import { presentedBy } from '../edge/presented.ts';
import { originOf } from '../edge/protected-resource.ts';
import { refusalHeaders } from '../edge/refusal.ts';
import { sendBody } from '../edge/send-answer.ts';
import { headersOf, receive, refuseWhenClosed, type Visitor } from '../edge/visitor.ts';
import { PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import { ERRORS } from '../errors/table.ts';
import {
	connect,
	disconnect,
	finishConnecting,
	keepValues,
	showCall,
	showList,
	showServer,
} from './connection-steps.ts';
import { errorPage } from './pages/error-page.ts';
import { type Frame, layout } from './pages/layout.ts';
import { ICON_FILE, STYLE } from './pages/style.ts';
import { type ConnectTarget, parseConnectTarget, pathOf } from './parse-target.ts';
import { beginSignIn, finishSignIn, showSignedOut, signOut } from './sign-in-steps.ts';
import { type ConnectParts, cookieOf, cookieSchemeOf, type Shown, type Visit } from './visit.ts';

/** The handler of the pages where people connect their accounts. */
export interface ConnectPlane {
	/** Whether a request target is answered here. */
	owns(target: string): boolean;
	/** Answers one request; never rejects. */
	handle(request: Visitor['request'], response: Visitor['response']): Promise<void>;
}

/** What it is made with. */
export interface ConnectPlaneParts extends ConnectParts {
	readonly openTrail: OpenTrail;
	/** What the gateway tells authorization servers of itself as a client; `undefined` where there is nothing to tell. */
	readonly clientDocument: (() => object | undefined) | undefined;
	isDraining(): boolean;
	isStale(): boolean;
}

/**
 * No script, no style but ours, no frame around it, and nothing kept. The referrer stays within the pages: without any,
 * browsers would send forms without the origin they come from.
 */
const HEADERS: Readonly<Record<string, string>> = {
	'content-security-policy':
		"default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	'x-content-type-options': 'nosniff',
	'x-frame-options': 'DENY',
	'referrer-policy': 'same-origin',
	'cross-origin-opener-policy': 'same-origin',
	'cross-origin-resource-policy': 'same-origin',
	'cache-control': 'no-store',
};

const FILES: Readonly<Record<string, { readonly type: string; readonly body: string }>> = {
	'style.css': { type: 'text/css; charset=utf-8', body: STYLE },
	'icon.svg': { type: 'image/svg+xml', body: ICON_FILE },
};

/** Builds the pages. */
export function createConnectPlane(parts: ConnectPlaneParts): ConnectPlane {
	return {
		owns: isConnectTarget,
		async handle(request, response) {
			const visitor = receive(parts.snapshots, request, response);
			const arrival: Arrival = { visitor, visit: undefined };
			const shown = await answered(parts, arrival);
			if (!response.destroyed) send(parts, arrival, shown);
		},
	};
}

interface Arrival {
	readonly visitor: Visitor;
	/** Known once the request may be answered at all. */
	visit: Visit | undefined;
}

type Answered = Shown & { readonly headers?: Readonly<Record<string, string>> };

async function answered(parts: ConnectPlaneParts, arrival: Arrival): Promise<Answered> {
	const { visitor } = arrival;
	const { request, requestId } = visitor;
	const trail = parts.openTrail(requestId);
	trail.note({ method: request.method ?? '', route: 'connect', address: pathOf(request.url ?? '').slice(0, 200) });
	try {
		refuseWhenClosed(parts);
		const { origin, scheme } = placeOf(parts, visitor);
		const session = parts.sessions.open(cookieOf({ visitor, scheme }, 'session'));
		const { remoteAddress } = presentedBy(request);
		arrival.visit = { visitor, trail, origin, scheme, session, remoteAddress };
		const shown = await answer(parts, arrival.visit);
		trail.forget();
		return shown;
	} catch (error) {
		return refuse(visitor, await recorded(trail, toPortcullisError(error)));
	}
}

async function recorded(trail: Visit['trail'], error: PortcullisError): Promise<PortcullisError> {
	try {
		await trail.fail(error);
		return error;
	} catch (lost) {
		return toPortcullisError(lost);
	}
}

function placeOf(parts: ConnectPlaneParts, visitor: Visitor): Pick<Visit, 'origin' | 'scheme'> {
	const { names } = parts.snapshots.current();
	const { host, origin: from } = headersOf(visitor);
	checkNames({ host, origin: undefined }, names);
	const origin = originOf(visitor.request, names);
	// Forms look at the origin themselves; an allowed page of another origin has no business here.
	if (from !== undefined && from !== origin)
		throw new PortcullisError('PC_FORM_REFUSED', { detail: 'Origin is not ours' });
	return { origin, scheme: cookieSchemeOf(origin) };
}

async function answer(parts: ConnectPlaneParts, visit: Visit): Promise<Shown> {
	const { request } = visit.visitor;
	const target = parseConnectTarget(request.url ?? '');
	if (target === undefined) throw new PortcullisError('PC_ADDRESS_UNKNOWN');
	const method = request.method === 'HEAD' ? 'GET' : request.method;
	if (method !== 'GET' && method !== 'POST') throw notAllowed('GET, POST');
	const elsewhere = ownAddress(visit);
	if (method === 'GET' && elsewhere !== undefined) return { status: 303, location: elsewhere };
	return method === 'GET' ? show(parts, visit, target) : change(parts, visit, target);
}

// A browser keeps what it is given for the one host it was given at, and a directory sends it back to the public one.
function ownAddress({ origin, visitor: { request } }: Visit): string | undefined {
	const isThere = new URL(origin).host === request.headers.host?.toLowerCase();
	return isThere ? undefined : origin + (request.url ?? '');
}

const notAllowed = (detail: string): PortcullisError => new PortcullisError('PC_METHOD_NOT_ALLOWED', { detail });

async function show(parts: ConnectPlaneParts, visit: Visit, target: ConnectTarget): Promise<Shown> {
	switch (target.kind) {
		case 'list':
			return showList(parts, visit);
		case 'call':
			return showCall(parts, visit);
		case 'key':
		case 'disconnect':
			return showServer(parts, visit, { ...target, kind: target.kind });
		case 'sign-in':
			return beginSignIn(parts, visit);
		case 'signed-in':
			return finishSignIn(parts, visit);
		case 'signed-out':
			return showSignedOut(parts, visit);
		case 'callback':
			return finishConnecting(parts, visit);
		case 'file':
			return showFile(FILES, target.name);
		case 'client':
			return showClient(parts);
		default:
			throw notAllowed('POST');
	}
}

async function change(parts: ConnectPlaneParts, visit: Visit, target: ConnectTarget): Promise<Shown> {
	switch (target.kind) {
		case 'connect':
			return connect(parts, visit, target);
		case 'disconnect':
			return disconnect(parts, visit, target);
		case 'key':
			return keepValues(parts, visit, target);
		case 'sign-out':
			return signOut(parts, visit);
		default:
			throw notAllowed('GET');
	}
}

function showFile(files: typeof FILES, name: string): Shown {
	const file = Object.hasOwn(files, name) ? files[name] : undefined;
	if (file === undefined) throw new PortcullisError('PC_ADDRESS_UNKNOWN');
	return { status: 200, file };
}

function showClient({ clientDocument }: ConnectPlaneParts): Shown {
	const document = clientDocument?.();
	if (document === undefined) throw new PortcullisError('PC_ADDRESS_UNKNOWN');
	return { status: 200, file: { type: 'application/json', body: JSON.stringify(document) } };
}

async function refuse({ request, requestId }: Visitor, error: PortcullisError): Promise<Answered> {
	const status = ERRORS[error.code].http;
	if (status === 413) await linger(request);
	const signIn = { resourceMetadataUrl: '', scopes: [] };
	// Nobody signs in here with a token, so nothing is asked for in its words.
	const { 'www-authenticate': _, ...headers } = refusalHeaders(error, status, signIn);
	const allow = error.code === 'PC_METHOD_NOT_ALLOWED' && { allow: error.facts.detail ?? 'GET, POST' };
	return {
		status: status === 401 ? 403 : status,
		page: errorPage(error, requestId),
		headers: { ...headers, ...allow },
	};
}

function send(parts: ConnectPlaneParts, { visitor, visit }: Arrival, shown: Answered): void {
	const { requestId, response } = visitor;
	const { status, page, location, cookies = [], file, headers = {} } = shown;
	if (cookies.length > 0) response.setHeader('set-cookie', [...cookies]);
	const more = { ...headers, ...(location !== undefined && { location }) };
	const type = file?.type ?? 'text/html; charset=utf-8';
	const body = file?.body ?? (page === undefined ? '' : layout(page, frameOf(parts, visit)));
	sendBody(
		{ response, common: { 'x-request-id': requestId, ...HEADERS } },
		status,
		{ 'content-type': type, ...more },
		body,
	);
}

function frameOf({ sessions }: ConnectPlaneParts, visit: Visit | undefined): Frame {
	const session = visit?.session;
	return { person: session && { name: session.claims.name, formToken: sessions.formToken(session) } };
}
