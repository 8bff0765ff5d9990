import { timingSafeEqual } from 'node:crypto';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { readForm } from './form.ts';
import { signedOutPage } from './pages/sign-in-pages.ts';
import { placeAfterSignIn, queryOf } from './parse-target.ts';
import { type BegunSignIn, SESSION_S, SIGN_IN_S } from './sessions.ts';
import { type ConnectParts, cookieOf, keepCookie, type Shown, signInDirectories, type Visit } from './visit.ts';

/** Where a directory sends browsers back to. */
const RETURN_PATH = '/connect/signed-in';

/** Sends a browser to its directory. What it must come back with is kept by the browser itself, sealed. */
export function beginSignIn(parts: ConnectParts, visit: Visit): Shown {
	const query = queryOf(visit.visitor.request.url ?? '');
	const [first] = signInDirectories(parts);
	const { url, pending } = parts.signIn.begin(query.get('directory') ?? first?.id ?? '', visit.origin + RETURN_PATH);
	const begun = { pending, to: placeAfterSignIn(query.get('to')) };
	const cookie = keepCookie(visit, 'sign-in', parts.sessions.sealSignIn(begun), SIGN_IN_S);
	return { status: 303, location: url, cookies: [cookie] };
}

/**
 * The way back from a directory. Only the browser that began the sign-in can end it, so nobody can have somebody else
 * signed in as themselves; the session is a new one in any case.
 */
export async function finishSignIn(parts: ConnectParts, visit: Visit): Promise<Shown> {
	const { sessions, signIn } = parts;
	const { trail, remoteAddress } = visit;
	trail.note({ method: 'connect/sign-in' });
	const query = queryOf(visit.visitor.request.url ?? '');
	const { pending, to } = begunBy(query, sessions.openSignIn(cookieOf(visit, 'sign-in')));
	const claims = await signIn.finish(query, { pending, remoteAddress });
	const { issuer, tid, oid, vouchedBy } = await parts.principalOf(claims);
	trail.note({ principal: { issuer, tid, oid }, vouchedBy });
	if (visit.session !== undefined) sessions.end(visit.session);
	const session = keepCookie(visit, 'session', sessions.seal(sessions.begin(claims)), SESSION_S);
	await trail.close({ kind: 'empty', status: 303, headers: {} });
	return { status: 303, location: to, cookies: [session, keepCookie(visit, 'sign-in', '', 0)] };
}

function begunBy(query: URLSearchParams, begun: BegunSignIn | undefined): BegunSignIn {
	if (begun === undefined) throw failed('no sign-in was begun by this browser');
	const states = query.getAll('state');
	const [given, expected] = [
		Buffer.from(states.length === 1 ? (states[0] as string) : ''),
		Buffer.from(begun.pending.state),
	];
	if (given.length !== expected.length || !timingSafeEqual(given, expected))
		throw failed('state is of another sign-in');
	return begun;
}

const failed = (detail: string): PortcullisError => new PortcullisError('PC_SIGN_IN_FAILED', { detail });

/** Ends a session. */
export async function signOut(parts: ConnectParts, visit: Visit): Promise<Shown> {
	visit.trail.note({ method: 'connect/sign-out' });
	const { session } = await readForm(parts, visit);
	parts.sessions.end(session);
	await visit.trail.close({ kind: 'empty', status: 303, headers: {} });
	return { status: 303, location: '/connect/signed-out', cookies: [keepCookie(visit, 'session', '', 0)] };
}

/** What is shown after it. */
export function showSignedOut(parts: ConnectParts, visit: Visit): Shown {
	if (visit.session !== undefined) return { status: 303, location: '/connect' };
	return { status: 200, page: signedOutPage(signInDirectories(parts)) };
}
