import type { Connection, ServerName } from '../credentials/oauth/connections.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Principal } from '../identity/principal.ts';
import { type ReadForm, readForm } from './form.ts';
import { connectionsPage, doneOf } from './pages/connections-page.ts';
import { continuePage, disconnectPage, keyPage, MOST_VALUE_CHARACTERS } from './pages/server-pages.ts';
import { signInPage } from './pages/sign-in-pages.ts';
import { placeAfterSignIn, queryOf } from './parse-target.ts';
import type { Session } from './sessions.ts';
import {
	type ConnectParts,
	cookieSchemeOf,
	mayUse,
	personOf,
	type Shown,
	signInDirectories,
	type Visit,
} from './visit.ts';

/** The list of somebody's servers, or how to sign in. */
export async function showList(parts: ConnectParts, visit: Visit): Promise<Shown> {
	if (visit.session === undefined) return showSignIn(parts, visit);
	const connections = await listFor(parts, await personOf(parts, visit));
	const done = doneOf(queryOf(visit.visitor.request.url ?? '').get('done'));
	return { status: 200, page: connectionsPage({ connections, formToken: formTokenOf(parts, visit), done }) };
}

/** The page that a refused call leads to: for the person of that call, and nobody else. */
export async function showCall(parts: ConnectParts, visit: Visit): Promise<Shown> {
	if (visit.session === undefined) return showSignIn(parts, visit);
	const person = await personOf(parts, visit);
	const reference = queryOf(visit.visitor.request.url ?? '').get('for') ?? '';
	const linked = parts.links.openFor(person, reference);
	if (linked === undefined) throw new PortcullisError('PC_LINK_FOREIGN');
	const connections = await listFor(parts, person);
	const asked = connections.find(({ workspace, server }) => {
		return person.grants.get(workspace)?.workspaceId === linked.workspaceId && server === linked.server;
	});
	if (asked === undefined) throw new PortcullisError('PC_ADDRESS_UNKNOWN');
	const formToken = formTokenOf(parts, visit);
	return { status: 200, page: connectionsPage({ connections, formToken, done: undefined, asked }) };
}

/** The form for a key, or the question whether to disconnect. */
export async function showServer(
	parts: ConnectParts,
	visit: Visit,
	target: ServerName & { readonly kind: 'key' | 'disconnect' },
): Promise<Shown> {
	if (visit.session === undefined) return showSignIn(parts, visit);
	const connection = await connectionFor(parts, await personOf(parts, visit), target);
	const formToken = formTokenOf(parts, visit);
	if (target.kind === 'disconnect') return { status: 200, page: disconnectPage(connection, formToken) };
	requireValues(connection);
	return { status: 200, page: keyPage(connection, formToken) };
}

/** Sends somebody to the service to sign in there. */
export async function connect(parts: ConnectParts, visit: Visit, server: ServerName): Promise<Shown> {
	const { person, session } = await readForm(parts, visit);
	const connection = await aboutToChange(parts, visit, { person, server, method: 'connect/begin' });
	const { url } = await parts.connections.begin(person, named(connection), session.id);
	const target = targetOf(url);
	await visit.trail.close({ kind: 'empty', status: 200, headers: {} });
	return { status: 200, page: continuePage(connection, target) };
}

/** The way back from a service. */
export async function finishConnecting(parts: ConnectParts, visit: Visit): Promise<Shown> {
	visit.trail.note({ method: 'connect/finish' });
	const person = await personOf(parts, visit);
	await visit.trail.intend();
	const query = queryOf(visit.visitor.request.url ?? '');
	const { workspace, server } = await parts.connections.finish(query, (visit.session as Session).id, person);
	noteServer(visit, person, { workspace, server });
	await visit.trail.close({ kind: 'empty', status: 303, headers: {} });
	return { status: 303, location: '/connect?done=connected' };
}

/** Forgets a connection. */
export async function disconnect(parts: ConnectParts, visit: Visit, server: ServerName): Promise<Shown> {
	const { person } = await readForm(parts, visit);
	const connection = await aboutToChange(parts, visit, { person, server, method: 'connect/disconnect' });
	await parts.connections.disconnect(person, named(connection));
	await visit.trail.close({ kind: 'empty', status: 303, headers: {} });
	return { status: 303, location: '/connect?done=disconnected' };
}

/** Keeps what somebody entered. */
export async function keepValues(parts: ConnectParts, visit: Visit, server: ServerName): Promise<Shown> {
	const form = await readForm(parts, visit);
	const { person } = form;
	const connection = await aboutToChange(parts, visit, { person, server, method: 'connect/set-values' });
	requireValues(connection);
	await parts.connections.setValues(person, named(connection), valuesIn(form, connection));
	await visit.trail.close({ kind: 'empty', status: 303, headers: {} });
	return { status: 303, location: '/connect?done=saved' };
}

function showSignIn(parts: ConnectParts, visit: Visit): Shown {
	const to = placeAfterSignIn(visit.visitor.request.url ?? null);
	return { status: 200, page: signInPage(signInDirectories(parts), to) };
}

function formTokenOf({ sessions }: ConnectParts, { session }: Visit): string {
	return session === undefined ? '' : sessions.formToken(session);
}

// Whatever the list holds, nobody is shown a server of a workspace that they do not have.
async function listFor(parts: ConnectParts, person: Principal): Promise<readonly Connection[]> {
	const listed = await parts.connections.list(person);
	return listed.filter((each) => mayUse(parts, person, each));
}

async function connectionFor(parts: ConnectParts, person: Principal, asked: ServerName): Promise<Connection> {
	const listed = await listFor(parts, person);
	const found = listed.find(({ workspace, server }) => workspace === asked.workspace && server === asked.server);
	if (found === undefined) throw new PortcullisError('PC_ADDRESS_UNKNOWN');
	return found;
}

interface Change {
	readonly person: Principal;
	readonly server: ServerName;
	readonly method: string;
}

/** Finds what is to be changed, and has it written down that it is about to be. */
async function aboutToChange(parts: ConnectParts, visit: Visit, change: Change): Promise<Connection> {
	visit.trail.note({ method: change.method });
	const connection = await connectionFor(parts, change.person, change.server);
	noteServer(visit, change.person, change.server);
	await visit.trail.intend();
	return connection;
}

function noteServer({ trail }: Visit, { grants }: Principal, { workspace, server }: ServerName): void {
	const workspaceId = grants.get(workspace)?.workspaceId;
	if (workspaceId !== undefined) trail.note({ workspace, workspaceId, server });
}

const named = ({ workspace, server }: Connection): ServerName => ({ workspace, server });

function requireValues({ way }: Connection): void {
	if (way !== 'values') throw new PortcullisError('PC_ADDRESS_UNKNOWN');
}

function valuesIn({ fields }: ReadForm, { asks }: Connection): Readonly<Record<string, string>> {
	const entered = asks.map((name) => [name, fields.getAll(`value.${name}`).map((value) => value.trim())] as const);
	const isWhole = entered.every(([, [value = '', ...more]]) => {
		return more.length === 0 && value !== '' && value.length <= MOST_VALUE_CHARACTERS;
	});
	if (!isWhole) throw new PortcullisError('PC_FORM_INVALID');
	return Object.fromEntries(entered.map(([name, [value = '']]) => [name, value]));
}

// The address comes from what a service says of itself; a browser must not be sent to a script or over a bare network.
function targetOf(url: string): URL {
	try {
		const target = new URL(url);
		cookieSchemeOf(target.href);
		return target;
	} catch (cause) {
		throw new PortcullisError('PC_CONNECT_TARGET', {}, { cause });
	}
}
