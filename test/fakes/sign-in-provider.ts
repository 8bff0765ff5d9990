import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { FakeDirectory } from './directory.ts';

/** Somebody who can sign in: claims of their ID token. */
export type Person = Readonly<Record<string, unknown>> & { readonly oid: string; readonly name: string };

/** The part of a directory that browsers see: a page to choose who one is, and an endpoint that redeems codes. */
export interface SignInProvider {
	/** `signIn` of the directory, whose secret is in `secrets`. */
	readonly entry: Readonly<Record<string, string>>;
	readonly secrets: Readonly<Record<string, string>>;
	readonly origin: string;
	/** What was asked of the authorization endpoint, newest last. */
	readonly asked: readonly URLSearchParams[];
	/** Bodies that came to the token endpoint, newest last. */
	readonly redeemed: readonly URLSearchParams[];
	/** Laid over the claims of all ID tokens from now on; a member with the value `undefined` is left out. */
	claims: Readonly<Record<string, unknown>>;
	/** Signs an ID token in another way; for tokens that nobody should take. */
	sign: ((claims: Record<string, unknown>) => string) | undefined;
	/** Status of the token endpoint, where it is not to answer as it should. */
	status: number | undefined;
	/** The address with which a browser comes back once this person has agreed; `edit` changes what it says. */
	agree(authorizeUrl: string, oid: string): string;
	close(): Promise<void>;
}

interface Code {
	readonly person: Person;
	readonly asked: URLSearchParams;
}

const CLIENT = 'c11e0000-0000-4000-8000-00000000c0de';

/** Starts it beside a directory, whose key signs. */
export async function startSignInProvider(
	directory: FakeDirectory,
	people: readonly Person[],
): Promise<SignInProvider> {
	const secret = randomBytes(30).toString('base64url');
	const codes = new Map<string, Code>();
	const server = createServer((request, response) => void answer(request, response));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const entry = {
		clientId: CLIENT,
		clientSecret: '${env:SIGN_IN_SECRET}',
		authorizeUrl: `${origin}/authorize`,
		tokenUrl: `${origin}/token`,
	};

	async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const url = new URL(request.url ?? '', origin);
		if (url.pathname === '/token') return redeem(new URLSearchParams(await text(request)), response);
		if (url.pathname === '/service')
			return void response.writeHead(200, { 'content-type': 'text/html' }).end('<title>x</title>');
		if (url.pathname !== '/authorize') return void response.writeHead(404).end();
		state.asked.push(url.searchParams);
		const choices = people.map(
			({ oid, name }) => `<li><a href="${attribute(state.agree(url.href, oid))}">${name}</a></li>`,
		);
		const page = `<!doctype html><html lang="en"><title>Pick an account</title><h1>Pick an account</h1><ul>${choices.join('')}</ul></html>`;
		response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
	}

	function redeem(form: URLSearchParams, response: ServerResponse): void {
		state.redeemed.push(form);
		const code = codes.get(form.get('code') ?? '');
		codes.delete(form.get('code') ?? '');
		const fault = state.status === undefined ? faultOf(form, code) : 'server_error';
		const body = fault === undefined ? { token_type: 'Bearer', id_token: idToken(code as Code) } : { error: fault };
		const status = state.status ?? (fault === undefined ? 200 : 400);
		response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
	}

	// Everything that OAuth has a token endpoint look at (RFC 6749 §4.1.3, RFC 7636 §4.6).
	function faultOf(form: URLSearchParams, code: Code | undefined): string | undefined {
		const isClient = form.get('client_id') === CLIENT && form.get('client_secret') === secret;
		if (!isClient) return 'invalid_client';
		const challenge = createHash('sha256')
			.update(form.get('code_verifier') ?? '')
			.digest('base64url');
		const isBound =
			code?.asked.get('code_challenge') === challenge && code.asked.get('code_challenge_method') === 'S256';
		const isThere = code?.asked.get('redirect_uri') === form.get('redirect_uri');
		return form.get('grant_type') === 'authorization_code' && isBound && isThere ? undefined : 'invalid_grant';
	}

	function idToken({ person, asked }: Code): string {
		const own = { aud: CLIENT, scp: undefined, azp: undefined, azpacr: undefined, nonce: asked.get('nonce') };
		const claims = directory.claims({ ...own, ...person, ...state.claims });
		return state.sign?.(claims) ?? directory.sign(claims);
	}

	const state = {
		entry,
		secrets: { SIGN_IN_SECRET: secret },
		origin,
		asked: [] as URLSearchParams[],
		redeemed: [] as URLSearchParams[],
		claims: {} as Readonly<Record<string, unknown>>,
		sign: undefined as SignInProvider['sign'],
		status: undefined as number | undefined,
		agree(authorizeUrl: string, oid: string) {
			const asked = new URL(authorizeUrl).searchParams;
			const person = people.find((each) => each.oid === oid) as Person;
			const code = randomBytes(24).toString('base64url');
			codes.set(code, { person, asked });
			const back = new URL(asked.get('redirect_uri') ?? '');
			back.searchParams.set('code', code);
			back.searchParams.set('state', asked.get('state') ?? '');
			return back.href;
		},
		close: () =>
			new Promise<void>((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	};
	return state;
}

const attribute = (address: string): string => address.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
