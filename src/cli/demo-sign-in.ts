import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { LRUCache } from 'lru-cache';
import type { DemoDirectory, DemoPerson } from './demo-directory.ts';

/** What of the demo directory a browser sees. */
export interface DemoSignIn {
	/** Answers a request for it; `false` where the request is for something else. */
	handle(request: IncomingMessage, response: ServerResponse): boolean;
}

/** Where it stands on the demo directory's port. */
export const DEMO_SIGN_IN_PATHS = { authorize: '/sign-in', token: '/sign-in/token' } as const;

/** Id of the web client with which people of the demo sign in. */
export const DEMO_WEB_CLIENT = '0de30de3-0000-4000-8000-0000000c0de0';

interface Granted {
	readonly email: string;
	readonly redirectUri: string;
	readonly challenge: string;
	readonly nonce: string;
}

type Issuing = Pick<DemoDirectory, 'people' | 'idTokenFor'>;

const CODE_MS = 60_000;
const MOST_BYTES = 16 * 1024;

/**
 * A page on which one chooses who to be, without a password, and the endpoint that redeems what it gives out. Only for
 * the demo: whoever reaches its port is whoever they like.
 */
export function createDemoSignIn({ people, idTokenFor }: Issuing, clientSecret: string): DemoSignIn {
	const codes = new LRUCache<string, Granted>({ max: 1_000, ttl: CODE_MS });

	/** Where the browser goes when this person was chosen. */
	function back({ email }: DemoPerson, asked: URLSearchParams): string {
		const code = randomBytes(24).toString('base64url');
		const [redirectUri = '', challenge = '', nonce = ''] = ['redirect_uri', 'code_challenge', 'nonce'].map(
			(name) => asked.get(name) ?? '',
		);
		codes.set(code, { email, redirectUri, challenge, nonce });
		const url = new URL(redirectUri);
		url.searchParams.set('code', code);
		url.searchParams.set('state', asked.get('state') ?? '');
		return url.href;
	}

	async function redeem(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const form = new URLSearchParams(await readText(request));
		const code = form.get('code') ?? '';
		const granted = codes.get(code);
		codes.delete(code);
		const isClient = form.get('client_id') === DEMO_WEB_CLIENT && isSame(form.get('client_secret') ?? '', clientSecret);
		const isRight = isClient && granted !== undefined && isAnswered(granted, form);
		const nonce = granted?.nonce ?? '';
		const body = isRight
			? { token_type: 'Bearer', id_token: await idTokenFor(granted.email, { audience: DEMO_WEB_CLIENT, nonce }) }
			: { error: 'invalid_grant' };
		response.writeHead(isRight ? 200 : 400, { 'content-type': 'application/json' }).end(JSON.stringify(body));
	}

	return {
		handle(request, response) {
			const { pathname, searchParams } = new URL(request.url ?? '/', 'http://demo');
			if (pathname === DEMO_SIGN_IN_PATHS.token && request.method === 'POST') {
				redeem(request, response).catch(() => response.destroy());
				return true;
			}
			if (pathname !== DEMO_SIGN_IN_PATHS.authorize || request.method !== 'GET') return false;
			if (!isOnThisMachine(searchParams.get('redirect_uri'))) response.writeHead(400).end();
			else response.writeHead(200, PAGE_HEADERS).end(pageFor(people, (person) => back(person, searchParams)));
			return true;
		},
	};
}

const PAGE_HEADERS = {
	'content-type': 'text/html; charset=utf-8',
	'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
	'cache-control': 'no-store',
};

function isAnswered({ redirectUri, challenge }: Granted, form: URLSearchParams): boolean {
	const verifier = form.get('code_verifier') ?? '';
	const isBound = createHash('sha256').update(verifier).digest('base64url') === challenge;
	return isBound && form.get('redirect_uri') === redirectUri && form.get('grant_type') === 'authorization_code';
}

function isSame(a: string, b: string): boolean {
	const [one, other] = [Buffer.from(a), Buffer.from(b)];
	return one.length === other.length && timingSafeEqual(one, other);
}

function isOnThisMachine(address: string | null): boolean {
	if (address === null || !URL.canParse(address)) return false;
	const { protocol, hostname } = new URL(address);
	return protocol === 'http:' && /^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})$/.test(hostname);
}

async function readText(request: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of request as AsyncIterable<Buffer>) {
		size += chunk.length;
		if (size > MOST_BYTES) throw new Error('the form is too large');
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString('utf8');
}

function pageFor(people: readonly DemoPerson[], addressOf: (person: DemoPerson) => string): string {
	const items = people.map((person) => {
		return `<li><a href="${plain(addressOf(person))}">${plain(person.name)}<small>${plain(person.email)}</small></a></li>`;
	});
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Demo directory</title>
<style>
:root { color-scheme: light dark; }
body { max-width: 26rem; margin: 10vh auto; padding: 0 1.25rem; font: 1rem/1.5 system-ui, sans-serif; }
ul { padding: 0; list-style: none; }
a { display: block; margin: .5rem 0; padding: .6rem 1rem; border: 1px solid GrayText; border-radius: 8px; text-decoration: none; }
small { display: block; }
</style>
</head>
<body>
<main>
<h1>Who are you?</h1>
<p>This directory is a part of the demo. It asks for no password.</p>
<ul>${items.join('')}</ul>
</main>
</body>
</html>
`;
}

function plain(text: string): string {
	return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
