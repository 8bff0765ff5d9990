import type { VaultAuth, VaultSettings } from '../../config/secret-stores.ts';
import { type AskStore, createAskStore, objectAt, type StoreAnswer, secondsAt, textAt } from './ask-store.ts';
import { createHeldToken, type FreshToken, type HeldToken } from './held-token.ts';
import { readProof } from './read-proof.ts';
import { failureOfStatus, StoreFailure } from './store-failure.ts';

/** A Vault in which the gateway is signed in. */
export interface VaultClient {
	/** `data` of the answer to a path after `/v1/`. Rejects with a `StoreFailure`. */
	ask(question: VaultQuestion, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>;
	close(): Promise<void>;
}

/** One request; without a body it is a GET. */
export interface VaultQuestion {
	readonly path: string;
	readonly body?: Readonly<Record<string, unknown>>;
}

/** How long a token without an end is used before it is looked up again, seconds. */
const ENDLESS_S = 3_600;

/** Signs in when first asked; a token is prolonged while Vault prolongs it, and replaced when it does not. */
export function createVaultClient(settings: VaultSettings, steadyNow = () => performance.now()): VaultClient {
	const { address, namespace, ca } = settings;
	const place = `vault at ${new URL(address).host}`;
	const askStore = createAskStore({ place, ...(ca !== undefined && { ca }) });
	const send = async ({ path, body }: VaultQuestion, token: string | undefined, signal: AbortSignal) => {
		const headers = {
			'x-vault-request': 'true',
			...(namespace !== undefined && { 'x-vault-namespace': namespace }),
			...(token !== undefined && { 'x-vault-token': token }),
			...(body !== undefined && { 'content-type': 'application/json' }),
		};
		const question = { method: body === undefined ? 'GET' : 'POST', url: `${address}/v1/${path}`, headers } as const;
		return askStore(body === undefined ? question : { ...question, body: JSON.stringify(body) }, signal);
	};
	const token = createHeldToken({ ...tokenWays({ auth: settings.auth, place, send }), steadyNow });
	return createAsker({ place, send, token, askStore });
}

type Send = (question: VaultQuestion, token: string | undefined, signal: AbortSignal) => Promise<StoreAnswer>;

interface AskerParts {
	readonly place: string;
	readonly send: Send;
	readonly token: HeldToken;
	readonly askStore: AskStore;
}

function createAsker({ place, send, token, askStore }: AskerParts): VaultClient {
	const once = async (question: VaultQuestion, signal: AbortSignal) => {
		const held = await token.get(signal);
		const answer = await send(question, held, signal);
		// Vault says 403 of a token it no longer knows as of one that may not do this.
		if (answer.status === 403) token.forget(held);
		return answer;
	};
	return {
		async ask(question, signal) {
			const first = await once(question, signal);
			const answer = first.status === 403 ? await once(question, signal) : first;
			if (answer.status >= 200 && answer.status < 300) return objectAt(answer.json, 'data');
			throw failureOfStatus(answer.status, `${place}, ${question.path}`);
		},
		close: () => askStore.close(),
	};
}

interface TokenParts {
	readonly auth: VaultAuth;
	readonly place: string;
	readonly send: Send;
}

function tokenWays({ auth, place, send }: TokenParts) {
	return {
		obtain: (signal: AbortSignal) =>
			auth.method === 'token' ? lookUp({ auth, place, send }, signal) : signIn({ auth, place, send }, signal),
		async renew(token: string, signal: AbortSignal): Promise<FreshToken> {
			return readAuth(await send({ path: 'auth/token/renew-self', body: {} }, token, signal), place);
		},
	};
}

type FileToken = Extract<VaultAuth, { readonly method: 'token' }>;

// A token from a file says itself how long it lives.
async function lookUp(
	{ auth, place, send }: TokenParts & { readonly auth: FileToken },
	signal: AbortSignal,
): Promise<FreshToken> {
	const token = await readProof(auth.tokenFile, place);
	const { status, json } = await send({ path: 'auth/token/lookup-self' }, token, signal);
	if (status !== 200) throw failureOfStatus(status, `${place}, its token`);
	const data = objectAt(json, 'data');
	return { token, validMs: lifeMs(secondsAt(data, 'ttl')), isRenewable: data['renewable'] === true };
}

type RoleAuth = Exclude<VaultAuth, { readonly method: 'token' }>;

async function signIn(
	{ auth, place, send }: TokenParts & { readonly auth: RoleAuth },
	signal: AbortSignal,
): Promise<FreshToken> {
	const body = await proofOf(auth, place);
	return readAuth(await send({ path: `auth/${auth.mount}/login`, body }, undefined, signal), place);
}

async function proofOf(auth: RoleAuth, place: string): Promise<Readonly<Record<string, string>>> {
	if (auth.method === 'kubernetes') return { role: auth.role, jwt: await readProof(auth.jwtFile, place) };
	return { role_id: auth.roleId, secret_id: await readProof(auth.secretIdFile, place) };
}

function readAuth({ status, json }: StoreAnswer, place: string): FreshToken {
	// A wrong role or secret is a 400.
	if (status === 400) throw new StoreFailure('denied', `${place}: the sign-in was refused`);
	if (status !== 200) throw failureOfStatus(status, `${place}, the sign-in`);
	const auth = objectAt(json, 'auth');
	const token = textAt(auth, 'client_token');
	if (token === undefined) throw new StoreFailure('unavailable', `${place}: the sign-in gave no token`);
	return { token, validMs: lifeMs(secondsAt(auth, 'lease_duration')), isRenewable: auth['renewable'] === true };
}

// Root tokens and some of the oldest have no end, which Vault writes as 0.
function lifeMs(seconds: number | undefined): number {
	return (seconds === undefined || seconds === 0 ? ENDLESS_S : seconds) * 1_000;
}
